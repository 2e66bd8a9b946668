-- Stores live sessions whose fill token is still present: they have not been
-- revoked or changed since the fill token was written, and the memory is the same.
--
-- KEYS  1 the heartbeat of the shard   2.. the session key of each session
-- ARGV  1 idle timeout (ms)   2 id of the memory that the lease names
--       3 the newest heartbeat seen in it; empty: none
--       4.. for each session: its fill token, its entry
-- Returns the number of stored sessions; the server may have no room for some.
local replication = redis.call('INFO', 'replication')
local held = redis.call('MGET', unpack(KEYS))
local last, suffix = string.match(held[1] or '', '^(%d+);(.*)$')
if string.match(replication, 'master_replid:(%x+)') .. (suffix or '') ~= ARGV[2]
  or (last and last < ARGV[3])
  or not string.find(replication, 'role:master', 1, true) then
  return 0
end

local filled = 0
for i = 2, #KEYS do
  if held[i] == ';' .. ARGV[2 * i] then
    local outcome = redis.pcall('SET', KEYS[i], ARGV[1 + 2 * i], 'PX', ARGV[1])
    filled = filled + (outcome.ok and 1 or 0)
  end
end
return filled
