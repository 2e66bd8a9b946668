-- Says what is remembered of any number of sessions, and counts their use. Uses
-- that follow a written one closely are answered but not written: that is half of
-- this script's time, and all that replicas of this server hear of it.
--
-- KEYS  1 the heartbeat of the shard
--       2 for each session, none twice: its session key, its tombstone key.
-- ARGV  1 now   2 idle timeout (ms)   3 id of the memory to be trusted (see identify.lua)
--       4 epoch whose entries count   5 what names of new fill tokens begin with
--       6 how close (ms)   7 the newest heartbeat seen in that memory; empty: none
--       8.. for each session the time of its use, 0: no use
-- Returns an answer for each session, or none at all when this is another
-- memory than ARGV[3], an older state of it, or not a master's.
--       "T" tombstone                        ended
--       an entry                             live; a use that was not written is not in it
--       "I" last activity (13 digits) fill token not live as far as we know, but used then
--       "M" fill token                           not known
--
-- A live entry is: epoch, ";", last activity, ";", expiry, ";", the rest. It
-- counts only in its epoch, and lives no longer than the idle timeout after
-- the last use. In its place may stand a fill token to fill one in: ";", then what
-- was given out: the last activity if known, ";", a name. Fill tokens die by
-- themselves. A server that has no room to note them still says what it remembers.
--
-- Times are in milliseconds and have 13 digits, so that texts of them compare as
-- they do: to make numbers of them, and new texts of entries, took two fifths.
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
