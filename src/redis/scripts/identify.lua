-- KEYS  any key of the shard asked for
-- Returns the id of the master that holds it; it changes when the server
-- restarts or another takes its place.
local replication = redis.call('INFO', 'replication')
if not string.find(replication, 'role:master', 1, true) then
  return redis.error_reply('READONLY not a master')
end
return string.match(replication, 'master_replid:(%x+)')
