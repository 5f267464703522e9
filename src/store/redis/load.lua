-- Reads a record, and what it rests on, as of one moment, of a server that has an entry in its feed.
-- KEYS[1]: the record. KEYS[2], if it is there: a record of which only the head is wanted.
-- ARGV: nonce, the realm's tag, "1" where what it rests on is wanted too, the entry's sequence or '', its id.
-- Answers: nonce, "elsewhere", where it has no such entry. Or nonce, "read", value, head, then the value of each
-- record that it rests on.
if ARGV[4] ~= '' then
  local entry = redis.call('XRANGE', ARGV[2] .. 'feed', ARGV[4] .. '-0', ARGV[4] .. '-0')[1]
  if not entry or entry[2][2] ~= ARGV[5] then
    return { ARGV[1], 'elsewhere' }
  end
end
local value = redis.call('GET', KEYS[1])
local answer = { ARGV[1], 'read', value, false }
if KEYS[2] then
  answer[4] = redis.call('GETRANGE', KEYS[2], 0, 28)
end
-- Of another layout nothing can be said; whoever asked sees that it is another.
if value and ARGV[3] == '1' and string.byte(value, 1) == 1 then
  local at = 31
  for n = 1, string.byte(value, 30) do
    local length = string.byte(value, at)
    answer[4 + n] = redis.call('GET', ARGV[2] .. string.sub(value, at + 1, at + length))
    at = at + 1 + length
  end
end
return answer
