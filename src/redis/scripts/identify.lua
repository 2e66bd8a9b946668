-- Identifies the memory of this server and writes a heartbeat to it. If the stored
-- heartbeat is older than one that the caller has seen, the memory was restored
-- from a snapshot; if it is very old, the memory may have been restored. Then the
-- memory gets another name, so that nothing written in it before counts
-- (SECURITY.md). A memory without a heartbeat was emptied, or evicted the key: it
-- keeps its name.
--
-- KEYS  1 the heartbeat of the shard: time (ms, 13 digits), ";", the name's suffix
-- ARGV  1 the newest heartbeat that the caller has seen; empty: none
--       2 the id of the server that it was seen on   3 a new suffix
--       4 how long (ms) a memory may go without a heartbeat
-- Returns the id of the memory, which is the replication id of the master that
-- holds it (it changes when the server restarts or another takes its place) and
-- the suffix; and the heartbeat. Fails when that master takes no writes, for want
-- of replicas or disk: it could not store an invalidation either.
local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return redis.error_reply('READONLY not a master')
end
local server = string.match(replication, 'master_replid:(%x+)')
local time = redis.call('TIME')
local now = string.format('%013.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local beat = redis.call('GET', KEYS[1]) or ''
local last, suffix = string.match(beat, '^(%d+);(.*)$')
local is_same = string.sub(ARGV[2], 1, #server) == server
if last == nil then
  suffix = is_same and string.sub(ARGV[2], #server + 1) or ''
elseif (is_same and last < ARGV[1]) or now - last > tonumber(ARGV[4]) then
  suffix = ARGV[3]
end
if last and last > now then now = last end
-- After another write a server that is full takes the SET too. Not after a DEL: in a
-- slot that moves, a key that is gone is the other node's.
redis.call('PERSIST', KEYS[1])
redis.call('SET', KEYS[1], now .. ';' .. suffix)
return { server .. suffix, now }
