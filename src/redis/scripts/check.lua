-- Says what is remembered of any number of sessions, and counts their use.
--
-- KEYS  2 for each session: its session key, its tombstone key.
-- ARGV  1 now (ms)   2 idle timeout (ms)   3 id of the server to be trusted
--       4 epoch whose entries count        5 ticket for those not known
--       6.. for each session the time of its use (ms), 0: no use
-- Returns {server id, answer...}. When the server is another than ARGV[3], or
-- not a master, only its id. An answer is
--       "T" tombstone                        ended
--       "S" last activity (13 digits) entry  live
--       "I" last activity (13 digits) ticket timed out as far as we know
--       "M" ticket                           not known
--
-- A live entry is: epoch, ";", last activity, ";", expiry, ";", the rest. It
-- counts only in its epoch, and lives no longer than the idle timeout after
-- the last use. A ticket is ";" and its name; tickets die by themselves.
-- A server that has no room to note them still says what it remembers.
local replication = redis.call('INFO', 'replication')
local server = string.match(replication, 'master_replid:(%x+)')
if server ~= ARGV[3] or not string.find(replication, 'role:master', 1, true) then
  return {server}
end

local now, idle, epoch, ticket = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4], ARGV[5]
local found = redis.call('MGET', unpack(KEYS))
local answers = {server}

for i = 1, #KEYS, 2 do
  local entry, tombstone = found[i], found[i + 1]
  local answer
  if tombstone then
    answer = 'T' .. tombstone
  else
    local held, last, expiry, rest
    if entry then
      held, last, expiry, rest = string.match(entry, '^(%d*);(%d+);(%d+);(.*)$')
    end
    if held == epoch then
      local used = tonumber(last)
      if now >= used + idle or now >= tonumber(expiry) then
        redis.pcall('SET', KEYS[i], ';' .. ticket, 'PX', 5000)
        answer = 'I' .. last .. ticket
      else
        local use = ARGV[5 + (i + 1) / 2]
        if tonumber(use) > used then
          last = use
          redis.pcall('SET', KEYS[i], epoch .. ';' .. last .. ';' .. expiry .. ';' .. rest, 'PX', idle)
        end
        answer = 'S' .. last .. expiry .. rest
      end
    else
      local waiting = entry and string.match(entry, '^;(.*)$')
      if not waiting then
        waiting = ticket
        redis.pcall('SET', KEYS[i], ';' .. ticket, 'PX', 5000)
      end
      answer = 'M' .. waiting
    end
  end
  answers[#answers + 1] = answer
end
return answers
