-- What is on a list and has not expired there.
-- KEYS[1]: the list. ARGV: nonce, the score of now.
-- Answers: nonce, then the members.
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '+inf')
return { ARGV[1], members }
