-- How far the members have come, of a server that has an entry in its feed.
-- KEYS: the feed, the members. ARGV: nonce, the entry's sequence, its id.
-- Answers: nonce, then "elsewhere", or "heard" and the members.
local entry = redis.call('XRANGE', KEYS[1], ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
if not entry or entry[2][2] ~= ARGV[3] then
  return { ARGV[1], 'elsewhere' }
end
return { ARGV[1], 'heard', redis.call('HGETALL', KEYS[2]) }
