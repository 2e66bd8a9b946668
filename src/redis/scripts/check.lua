-- Says what is remembered of any number of sessions, and counts their use. Uses
-- that follow a written one closely are answered but not written: that is half of
-- this script's time, and all that replicas of this server hear of it.
--
-- KEYS  2 for each session, none twice: its session key, its tombstone key.
-- ARGV  1 now (ms)   2 idle timeout (ms)   3 id of the server to be trusted
--       4 epoch whose entries count        5 what names of new tickets begin with
--       6 how close (ms)
--       7.. for each session the time of its use (ms), 0: no use
-- Returns an answer for each session, or none at all when this is another
-- server than ARGV[3], or not a master.
--       "T" tombstone                        ended
--       "S" last activity (13 digits) entry  live
--       "I" last activity (13 digits) ticket not live as far as we know, but used then
--       "M" ticket                           not known
--
-- A live entry is: epoch, ";", last activity, ";", expiry, ";", the rest. It
-- counts only in its epoch, and lives no longer than the idle timeout after
-- the last use. In its place may stand a ticket to fill one in: ";", then what
-- was given out: the last activity if known, ";", a name. Tickets die by
-- themselves. A server that has no room to note them still says what it remembers.
local replication = redis.call('INFO', 'replication')
if string.match(replication, 'master_replid:(%x+)') ~= ARGV[3]
  or not string.find(replication, 'role:master', 1, true) then
  return {}
end

local now, idle, epoch, name = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4], ARGV[5]
local close = tonumber(ARGV[6])
local found = redis.call('MGET', unpack(KEYS))
local answers = {}

for i = 1, #KEYS, 2 do
  local entry, tombstone = found[i], found[i + 1]
  local answer
  if tombstone then
    answer = 'T' .. tombstone
  else
    local held, last, expiry, rest
    if entry then
      held, last, expiry, rest = string.match(entry, '^(%d+);(%d+);(%d+);(.*)$')
    end
    if held == epoch and now < last + idle and now < tonumber(expiry) then
      local use = ARGV[6 + (i + 1) / 2]
      local later = tonumber(use) - tonumber(last)
      if later > close then
        redis.pcall('SET', KEYS[i], epoch .. ';' .. use .. ';' .. expiry .. ';' .. rest, 'PX', idle)
      end
      answer = 'S' .. (later > 0 and use or last) .. expiry .. rest
    else
      local ticket = entry and string.match(entry, '^;(.*)$')
      if not ticket then
        ticket = (last or '') .. ';' .. name .. i
        redis.pcall('SET', KEYS[i], ';' .. ticket, 'PX', 5000)
      end
      last = string.match(ticket, '^%d+')
      answer = (last and 'I' .. last or 'M') .. ticket
    end
  end
  answers[#answers + 1] = answer
end
return answers
