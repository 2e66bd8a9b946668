-- Remembers endings, and forgets what was known of the sessions: afterwards
-- neither an old entry nor an old ticket can call them live.
--
-- KEYS  2 for each session: its session key, its tombstone key
-- ARGV  for each session: how long the tombstone lives (ms; 0: none), the tombstone
-- Returns the id of the server.
local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return redis.error_reply('READONLY not a master')
end
for i = 1, #KEYS, 2 do
  redis.call('DEL', KEYS[i])
  if ARGV[i] ~= '0' then
    redis.call('SET', KEYS[i + 1], ARGV[i + 1], 'PX', ARGV[i])
  end
end
return string.match(replication, 'master_replid:(%x+)')
