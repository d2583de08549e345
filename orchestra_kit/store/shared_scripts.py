"""What Redis does in one step for `shared`, in its own language, so that no two processes mix.

All keys of one bucket share a hash tag, and so one node of a cluster. Moments are seconds since
1970, those of the server where a process gives none: then one clock counts for all.
"""

from __future__ import annotations

__all__ = ["FORGET_PROBE", "PUBLISH", "SETTLE", "TAKE", "THROTTLE"]

_NOW = """
local now = tonumber(ARGV[1])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end
"""

_KEEP = """
local function keep(seconds)
    for _, key in ipairs(KEYS) do
        if redis.call('TTL', key) < seconds then redis.call('EXPIRE', key, seconds) end
    end
end
"""

TAKE = f"""
{_NOW}{_KEEP}
local bucket, places, tickets = KEYS[1], KEYS[2], KEYS[3]
local a_minute = {{tonumber(ARGV[2]), tonumber(ARGV[3])}}
local concurrent, tokens, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local ticket, look_again = ARGV[7], tonumber(ARGV[8])

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', places, '-inf', now)) do
    redis.call('HDEL', tickets, gone)
end
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
-- Asked again by one who never heard the first answer.
if redis.call('ZSCORE', places, ticket) then return '0' end

local before = redis.call('HMGET', bucket, 'at', 'requests', 'tokens', 'closed')
local at = math.max(tonumber(before[1]) or now, now)
local elapsed = at - (tonumber(before[1]) or at)
local wait = math.max(0, (tonumber(before[4]) or 0) - now)
local level, burst, want, longest = {{}}, {{}}, {{1, tokens}}, 0
for i = 1, 2 do
    if a_minute[i] then
        local rate = a_minute[i] / 60
        burst[i] = math.max(1, rate * 5)
        level[i] = math.min(burst[i], (tonumber(before[i + 1]) or burst[i]) + elapsed * rate)
        local lacking = math.min(want[i], burst[i]) - level[i]
        if lacking > 1e-9 * burst[i] then wait = math.max(wait, lacking / rate) end
        longest = math.max(longest, (burst[i] - level[i] + want[i]) / rate)
    end
end
if wait == 0 and concurrent and redis.call('ZCARD', places) >= concurrent then wait = look_again end
if wait > 0 then return tostring(wait) end

local kept = {{'at', string.format('%.6f', at)}}
for i, name in ipairs({{'requests', 'tokens'}}) do
    if level[i] then
        kept[#kept + 1] = name
        kept[#kept + 1] = string.format('%.9g', level[i] - want[i])
        kept[#kept + 1] = name .. '_burst'
        kept[#kept + 1] = string.format('%.9g', burst[i])
    end
end
redis.call('HSET', bucket, unpack(kept))
redis.call('ZADD', places, string.format('%.6f', now + lease), ticket)
redis.call('HSET', tickets, ticket, tokens)
-- What nobody asks for any more is forgotten once it would be full again.
local idle = math.ceil(math.min(math.max(longest, lease), 86400) + 60)
keep(idle)
return '0'
"""
"""KEYS bucket, places, tickets; ARGV now, requests a minute, tokens a minute, concurrent, tokens,
lease, ticket, when to look again for a place. Seconds to wait, as text; 0 when taken."""

SETTLE = """
local bucket, places, tickets = KEYS[1], KEYS[2], KEYS[3]
local ticket, used, sent = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local reserved = tonumber(redis.call('HGET', tickets, ticket))
redis.call('HDEL', tickets, ticket)
if redis.call('ZREM', places, ticket) == 0 or not reserved then return 0 end
local back = {requests = sent and 0 or 1, tokens = used and (reserved - used) or 0}
for name, amount in pairs(back) do
    local state = redis.call('HMGET', bucket, name, name .. '_burst')
    if state[1] and amount ~= 0 then
        local level = math.min(tonumber(state[2]), tonumber(state[1]) + amount)
        redis.call('HSET', bucket, name, string.format('%.9g', level))
    end
end
return 1
"""
"""KEYS as `TAKE`; ARGV ticket, tokens used or nothing, whether it was sent."""

THROTTLE = f"""
{_NOW}{_KEEP}
local till = now + tonumber(ARGV[2])
if till > (tonumber(redis.call('HGET', KEYS[1], 'closed')) or 0) then
    redis.call('HSET', KEYS[1], 'closed', string.format('%.6f', till))
    local idle = math.ceil(tonumber(ARGV[2]) + 60)
    keep(idle)
end
return 1
"""
"""KEYS bucket; ARGV now, seconds. Of two such words the later end stands."""

PUBLISH = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
    local known, row = pcall(cjson.decode, held)
    local at = known and type(row) == 'table' and tonumber(row.at) or 0
    if at > tonumber(ARGV[2]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""
"""KEYS breakers; ARGV deployment, when it stood so, the row, seconds to keep. 0 when too old."""

FORGET_PROBE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""KEYS probe; ARGV whose it must be."""
