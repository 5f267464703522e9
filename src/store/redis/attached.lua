-- How many replicas the server has.
-- ARGV: nonce. Answers: nonce, the number.
return { ARGV[1], tonumber(string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')) }
