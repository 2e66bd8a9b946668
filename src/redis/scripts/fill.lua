-- Remembers live sessions whose ticket still stands: nothing has ended or
-- changed them since the ticket was written, and the server is the same.
--
-- KEYS  the session key of each session
-- ARGV  1 idle timeout (ms)   2 id of the server to be trusted
--       3.. for each session: its ticket, its entry
-- Returns how many were filled in: those for which the server had no room are not.
local replication = redis.call('INFO', 'replication')
if string.match(replication, 'master_replid:(%x+)') ~= ARGV[2]
  or not string.find(replication, 'role:master', 1, true) then
  return 0
end

local held = redis.call('MGET', unpack(KEYS))
local filled = 0
for i = 1, #KEYS do
  if held[i] == ';' .. ARGV[1 + 2 * i] then
    local outcome = redis.pcall('SET', KEYS[i], ARGV[2 + 2 * i], 'PX', ARGV[1])
    filled = filled + (outcome.ok and 1 or 0)
  end
end
return filled
