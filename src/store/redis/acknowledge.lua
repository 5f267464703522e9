-- A replica has applied the feed up to an entry.
-- KEYS: the feed, the members. ARGV: nonce, the replica's name, the entry's sequence, its id, the channel, what is
-- told there.
-- Answers: nonce.
local entry = redis.call('XRANGE', KEYS[1], ARGV[3] .. '-0', ARGV[3] .. '-0')[1]
local member = redis.call('HGET', KEYS[2], ARGV[2])
-- Of another history it says nothing; and who is no member any more is waited out.
if entry and entry[2][2] == ARGV[4] and member then
  local renewal, applied, serve_known = string.match(member, '^(%d+) (%d+) (%d+)$')
  if tonumber(applied) < tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[2], ARGV[2], renewal .. ' ' .. ARGV[3] .. ' ' .. serve_known)
    redis.call('PUBLISH', ARGV[5], ARGV[6])
  end
end
return { ARGV[1] }
