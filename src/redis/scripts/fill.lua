-- Remembers live sessions whose fill token still stands: nothing has ended or
-- changed them since the fill token was written, and the memory is the same.
--
-- KEYS  1 the heartbeat of the shard   2.. the session key of each session
-- ARGV  1 idle timeout (ms)   2 id of the memory to be trusted
--       3 the newest heartbeat seen in it; empty: none
--       4.. for each session: its fill token, its entry
-- Returns how many were filled in: those for which the server had no room are not.
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
