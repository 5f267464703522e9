-- Members that are none any more.
-- KEYS: the members, the feed. ARGV: nonce, the sequence of an entry that the feed must have, or '' for none, its id;
-- then for each member its name, and its last renewal, or '' whatever that is.
-- Answers: nonce.
if ARGV[2] ~= '' then
  -- In another history the numbers may come again, for renewals that came later.
  local entry = redis.call('XRANGE', KEYS[2], ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
  if not entry or entry[2][2] ~= ARGV[3] then
    return { ARGV[1] }
  end
end
for n = 4, #ARGV, 2 do
  local renewal = string.match(redis.call('HGET', KEYS[1], ARGV[n]) or '', '^%d+')
  if ARGV[n + 1] == '' or renewal == ARGV[n + 1] then
    redis.call('HDEL', KEYS[1], ARGV[n])
  end
end
return { ARGV[1] }
