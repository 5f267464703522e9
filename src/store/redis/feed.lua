-- What was taken back since an entry.
-- KEYS[1]: the feed. ARGV: nonce, the entry's sequence or '', its id, how many entries at most.
-- Answers: nonce, "since" and the entries after it, or "gap" and the last entry, if there is one.
local function gap()
  return { ARGV[1], 'gap', redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1) }
end

if ARGV[2] == '' then
  return gap()
end
local entries = redis.call('XRANGE', KEYS[1], ARGV[2] .. '-0', '+', 'COUNT', ARGV[4] + 1)
local first = entries[1]
if ARGV[2] == '0' then
  if first and first[1] ~= '1-0' then
    return gap()
  end
  return { ARGV[1], 'since', entries }
end
if not first or first[1] ~= ARGV[2] .. '-0' or first[2][2] ~= ARGV[3] then
  return gap()
end
table.remove(entries, 1)
return { ARGV[1], 'since', entries }
