-- Stores revocations, and removes the entries of the sessions: afterwards neither an
-- old entry nor an old fill token can make them live.
--
-- KEYS  1 the heartbeat of the shard
--       2 for each session: its session key, its tombstone key
-- ARGV  for each session: how long the tombstone lives (ms; 0: none), the tombstone
-- Returns the id of the memory (see identify.lua).
local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return redis.error_reply('READONLY not a master')
end
local suffix = string.match(redis.call('GET', KEYS[1]) or '', '^%d+;(.*)$') or ''
for i = 2, #KEYS, 2 do
  redis.call('DEL', KEYS[i])
  if ARGV[i - 1] ~= '0' then
    redis.call('SET', KEYS[i + 1], ARGV[i], 'PX', ARGV[i - 1])
  end
end
return string.match(replication, 'master_replid:(%x+)') .. suffix
