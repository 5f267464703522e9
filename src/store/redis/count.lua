-- Counts in tallies that all replicas share, by GCRA; all that a call names, or nothing where one that is
-- to be taken is one too many. Time is this server's.
-- KEYS: the tallies.
-- ARGV: a nonce; then for each tally its rate (times, microseconds), how many to add, and 1 where that
--       counts however many there are.
-- Answers the nonce; then for each tally after how many microseconds there is room.
-- A tally holds its theoretical arrival time: microseconds, and a rest in parts of 1/times, so that no
-- rounding adds up. It is gone once that time has come.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer, arrivals, refused = { ARGV[1] }, {}, false

-- Doubles divide whole numbers exactly where nothing is left over. What is left of a negative one may be
-- -0, which would be written so; adding 0 makes it 0.
local function later(at, rest, parts, times)
  local left = math.fmod(rest + parts, times) + 0
  if left < 0 then left = left + times end
  return at + (rest + parts - left) / times, left
end

for i, key in ipairs(KEYS) do
  local times, per = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local add, forced = tonumber(ARGV[4 * i]), ARGV[4 * i + 1] == '1'
  local at, rest = now, 0
  local kept = arrivals[key] or redis.call('GET', key)
  if kept then
    local whole, part = string.match(kept, '^(%d+) (%d+)$')
    if not whole then return redis.error_reply('ERR a tally is in no known format') end
    if tonumber(whole) >= now then at, rest = tonumber(whole), tonumber(part) end
  end
  local after, left = later(at, rest, add * per, times)
  if after < now then after, left = now, 0 end
  local next, part = after, left
  if forced then next, part = later(after, left, per, times) end
  if part > 0 then next = next + 1 end
  local wait = math.max(0, next - now - per)
  answer[i + 1] = wait
  if forced or wait == 0 then
    arrivals[key] = string.format('%.0f %.0f', after, left)
  else
    refused = true
  end
end

if not refused then
  for key, arrival in pairs(arrivals) do
    local gone = math.floor(string.match(arrival, '^%d+') / 1000) + 1
    redis.call('SET', key, arrival, 'PXAT', string.format('%.0f', gone))
  end
end
return answer
