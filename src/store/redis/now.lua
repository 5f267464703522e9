-- Where the feed ends, and how far the members have come.
-- KEYS: the feed, the members. ARGV: nonce.
-- Answers: nonce, the feed's last entry, the members.
return { ARGV[1], redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1), redis.call('HGETALL', KEYS[2]) }
