-- Compares every version, then writes all or nothing.
-- KEYS: what it is about, one for each part of the commit.
-- ARGV: nonce, now, the channel, for how long entries of the feed are kept in seconds, the realm's tag, the sequence of
-- an entry that the feed must have or '' for none, its id, and then for each key five fields, of which the last three
-- may be empty:
--   put, compare, delete   any, absent, or the version that is expected;   of put also the value and the lifetime in ms
--   link                   any;   the member, its score, the score of now
--   feed                   any;   the entry's id, the entry
--   tell                   any;   what is told
--   count                  any;   nothing: it is raised by one, so that there is something to be confirmed
--   feed_ends, members     any;   nothing: they are read, in this order, once all is written
-- Answers: nonce, "written" or "conflict" or "layout" or "elsewhere"; behind "written" what was read.
local now = ARGV[2]
local first, fields = 8, 5

if ARGV[6] ~= '' then
  local entry = redis.call('XRANGE', ARGV[5] .. 'feed', ARGV[6] .. '-0', ARGV[6] .. '-0')[1]
  if not entry or entry[2][2] ~= ARGV[7] then
    return { ARGV[1], 'elsewhere' }
  end
end

for n, key in ipairs(KEYS) do
  local at = first + (n - 1) * fields
  local expect = ARGV[at + 1]
  if expect ~= 'any' then
    local head = redis.call('GETRANGE', key, 0, 28)
    local version = false
    if head ~= '' then
      if string.byte(head, 1) ~= 1 then
        return { ARGV[1], 'layout', string.byte(head, 1) }
      end
      if now < string.sub(head, 10, 29) then
        version = string.sub(head, 2, 9)
      end
    end
    if expect == 'absent' and version or expect ~= 'absent' and expect ~= version then
      return { ARGV[1], 'conflict' }
    end
  end
end

local write = {}

function write.put(key, value, lifetime)
  if lifetime == '' then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PX', lifetime)
  end
end

function write.delete(key)
  redis.call('DEL', key)
end

function write.link(key, member, score, score_now)
  redis.call('ZADD', key, score, member)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', score_now)
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  if last == 'inf' then
    redis.call('PERSIST', key)
  elseif last then
    -- Microseconds, and an hour as for everything.
    redis.call('PEXPIRE', key, string.format('%.0f', (tonumber(last) - tonumber(score_now)) / 1000 + 3600000))
  end
end

function write.feed(key, id, entry)
  local time = tonumber(redis.call('TIME')[1])
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local sequence = 1
  if last then
    sequence = tonumber(string.match(last[1], '^%d+')) + 1
  end
  redis.call('XADD', key, string.format('%.0f-0', sequence), 'id', id, 'entry', entry, 'time', time)
  -- An entry goes once the one behind it is old: until then somebody may have come as far as this one.
  local entries = redis.call('XRANGE', key, '-', '+', 'COUNT', 17)
  for n = 2, #entries do
    local came = tonumber(entries[n][2][6])
    if came and came < time - tonumber(ARGV[4]) then
      redis.call('XDEL', key, entries[n - 1][1])
    end
  end
end

function write.count(key)
  redis.call('INCR', key)
end

local answer = { ARGV[1], 'written' }

function write.feed_ends(key)
  table.insert(answer, redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1))
end

function write.members(key)
  table.insert(answer, redis.call('HGETALL', key))
end

function write.tell(_, what)
  redis.call('PUBLISH', ARGV[3], what)
end

-- What another type under the key can make fail comes first, while nothing is written; nobody is told before all is.
local rounds = {
  { feed = true, link = true, count = true },
  { put = true, delete = true },
  { tell = true, feed_ends = true, members = true },
}
for _, kinds in ipairs(rounds) do
  for n, key in ipairs(KEYS) do
    local at = first + (n - 1) * fields
    if kinds[ARGV[at]] then
      write[ARGV[at]](key, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
    end
  end
end
return answer
