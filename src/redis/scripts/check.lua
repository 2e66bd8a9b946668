-- Reads the entries of any number of sessions, and records their use. A use that
-- closely follows a recorded one is answered but not written: writes take half of
-- this script's time, and only writes are replicated to this server's replicas.
--
-- KEYS  1 the heartbeat of the shard
--       2 for each session, none twice: its session key, its tombstone key.
-- ARGV  1 now   2 idle timeout (ms)   3 id of the memory that the lease names (see identify.lua)
--       4 epoch whose entries count   5 prefix of the names of new fill tokens
--       6 how close (ms)   7 the newest heartbeat seen in that memory; empty: none
--       8.. for each session the time of its use, 0: no use
-- Returns an answer for each session. Returns no answers at all when this is
-- another memory than ARGV[3], an older state of it, or not a master's.
--       "T" tombstone                            revoked
--       an entry                                 live; without a use that was not written
--       "I" last activity (13 digits) fill token no live entry, but last used then
--       "M" fill token                           unknown
--
-- A live entry is: epoch, ";", last activity, ";", expiry, ";", the rest. It
-- counts only in its epoch, and expires at the latest when the idle timeout has passed since
-- the last use. The key of a session without a live entry may hold a fill token:
-- ";", then the token as it was issued: the last activity if known, ";", a name.
-- Fill tokens expire. A server without room for new fill tokens still answers.
--
-- Times are in milliseconds and have 13 digits, so that their texts compare like
-- numbers. Conversions to numbers, and new texts of entries, took two fifths of the
-- script's time.
local replication = redis.call('INFO', 'replication')
local found = redis.call('MGET', unpack(KEYS))
local beat, suffix = string.match(found[1] or '', '^(%d+);(.*)$')
if string.match(replication, 'master_replid:(%x+)') .. (suffix or '') ~= ARGV[3]
  or (beat and beat < ARGV[7])
  or not string.find(replication, 'role:master', 1, true) then
  return {}
end

local sub, match = string.sub, string.match
local time = function(ms) return string.format('%013.0f', math.max(0, ms)) end

local now, idle, name, close = ARGV[1], tonumber(ARGV[2]), ARGV[5], tonumber(ARGV[6])
local idle_since = time(tonumber(now) - idle)
local head = match(ARGV[4], '^%d+$') and ARGV[4] .. ';' or 'no entry begins so'
local head_size = #head
local use, close_to_use
local answers = {}

for i = 2, #KEYS, 2 do
  local entry, tombstone = found[i], found[i + 1]
  local answer
  if tombstone then
    answer = 'T' .. tombstone
  else
    local last = entry and sub(entry, 1, head_size) == head
      and sub(entry, head_size + 1, head_size + 13)
    if last and last > idle_since and sub(entry, head_size + 15, head_size + 27) > now then
      if use ~= ARGV[7 + i / 2] then
        use = ARGV[7 + i / 2]
        close_to_use = time(use - close)
      end
      if last < close_to_use then
        entry = head .. use .. sub(entry, head_size + 14)
        redis.pcall('SET', KEYS[i], entry, 'PX', idle)
      end
      answer = entry
    else
      local fill_token = entry and match(entry, '^;(.*)$')
      if not fill_token then
        last = entry and match(entry, '^%d+;(%d+);')
        fill_token = (last or '') .. ';' .. name .. i
        redis.pcall('SET', KEYS[i], ';' .. fill_token, 'PX', 5000)
      end
      last = match(fill_token, '^%d+')
      answer = (last and 'I' .. last or 'M') .. fill_token
    end
  end
  answers[i / 2] = answer
end
return answers
