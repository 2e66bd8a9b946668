-- KEYS  any key of the shard asked for; nothing is ever kept under it
-- Returns the id of the master that holds it; it changes when the server
-- restarts or another takes its place. Fails when that master takes no writes,
-- for want of replicas or disk: no ending could be told to it either.
local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return redis.error_reply('READONLY not a master')
end
redis.call('DEL', KEYS[1])
return string.match(replication, 'master_replid:(%x+)')
