-- A replica says how far it has applied the feed, and hears what came after.
-- KEYS: the feed, the members, the realm's counter of renewals.
-- ARGV: nonce, the replica's name, its last entry's sequence, that one's id, for how many milliseconds it serves
-- known tokens without a lease, how many entries at most, a random id.
-- Answers: nonce, then "since", "" or "more", the entries after it; or "gap" or "other", "", the last entry.
local feed, members = KEYS[1], KEYS[2]
if redis.call('EXISTS', feed) == 0 then
  -- A feed begins, and no other begins so: whoever knows another one sees that all is lost.
  redis.call('XADD', feed, '1-0', 'id', ARGV[7], 'entry', '', 'time', redis.call('TIME')[1])
end
local most = tonumber(ARGV[6])
local entries = redis.call('XRANGE', feed, ARGV[3] .. '-0', '+', 'COUNT', most + 2)
local first, news, more, applied = entries[1], 'since', '', ARGV[3]
if first and first[1] == ARGV[3] .. '-0' and first[2][2] == ARGV[4] then
  table.remove(entries, 1)
  if #entries > most then
    table.remove(entries)
    more = 'more'
  end
else
  local oldest = redis.call('XRANGE', feed, '-', '+', 'COUNT', 1)[1]
  local is_old = tonumber(ARGV[3]) > 0 and tonumber(ARGV[3]) < tonumber(string.match(oldest[1], '^%d+'))
  news, applied = is_old and 'gap' or 'other', '0'
  entries = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', 1)
end
local renewal = redis.call('INCR', KEYS[3])
redis.call('HSET', members, ARGV[2], string.format('%.0f %s %s', renewal, applied, ARGV[5]))
return { ARGV[1], news, more, entries }
