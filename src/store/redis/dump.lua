-- Reads what lies in the realm, page by page. A page may repeat what another one had.
-- ARGV: nonce, the pattern of the realm's keys, the cursor: '', or what the page before named.
-- Answers: nonce, and "moved" where the cursor is of another server or of an earlier run of this one: it would
-- leave things out there, since each has an order of its own.
-- Or the next cursor, which is '' behind the last page; then for each key its name and its value, or its members
-- with their scores.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local began, cursor = string.match(ARGV[3], '^(%x+) (%d+)$')
if began and began ~= run then
  return { ARGV[1], 'moved' }
end
local found = redis.call('SCAN', cursor or '0', 'MATCH', ARGV[2], 'COUNT', 256)
local answer = { ARGV[1], found[1] == '0' and '' or run .. ' ' .. found[1] }
for _, key in ipairs(found[2]) do
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'string' then
    table.insert(answer, { key, redis.call('GET', key) })
  elseif kind == 'zset' then
    table.insert(answer, { key, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') })
  end
end
return answer
