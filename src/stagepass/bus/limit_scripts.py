"""The scripts of the provider limits: each is one round trip, and nothing comes between its steps.

Keys of a provider:
    breaker: why it is closed, until when, since when.
    probe: the ticket of the one call that tries a closed provider.
    inside: tickets of running calls, by the time at which their slot is freed at the latest.
    calls: tickets of the calls of the last `per` milliseconds, by time; kept only where there is a rate.
    failures: calls in a row that got no answer.
    line: stage runs that wait, in the order in which they are called.
    due: the same runs, by the time at which they come (called, or by themselves).
    called: those of them whose turn it is, or will be by the rate, by that time.
    turns: for each owner that waits, the turn of its last run.
    override: the limit that an operator has set, in place of every caller's.
"""

GRACE = 2_000
"""Milliseconds for which a place is kept free for a run that was called; then it has lost its turn."""

GONE = 60_000
"""Milliseconds after which a waiting run that did not return loses its place in the line."""

SPACING = 250
"""Milliseconds between two that come without having been called: a call's end may be lost with its process."""

_NAMES = """
local breaker, probe, inside, calls, failures = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local line, due, called, turns, override, index = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
"""

_NOW = (
    _NAMES
    + """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
"""
)

_ROOM = f"""
local concurrency, rate, per = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local own = redis.call('GET', override)
if own then
  local a, b, c = string.match(own, '(%d+) (%d+) (%d+)')
  concurrency, rate, per = tonumber(a), tonumber(b), tonumber(c)
end

-- places that are free now, and why there is none
local function room()
  local free, reason = math.huge, ''
  redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
  if concurrency > 0 then
    free, reason = concurrency - redis.call('ZCARD', inside), 'concurrency'
  end
  if rate > 0 then
    redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - per)
    local left = rate - redis.call('ZCARD', calls)
    if left < free then free, reason = left, 'rate' end
  end
  return free, reason
end

local function forget(run)
  for _, key in ipairs({{line, due, called}}) do redis.call('ZREM', key, run) end
end

-- those whose turn it is and who are still on their way; only those before this one, if it is in the line itself
local function coming(run)
  for _, late in ipairs(redis.call('ZRANGEBYSCORE', called, '-inf', now - {GRACE}, 'LIMIT', 0, 1000)) do forget(late) end
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now - {GONE}, 'LIMIT', 0, 1000)) do forget(gone) end
  local rank = run and redis.call('ZRANK', line, run)
  if not rank then return redis.call('ZCOUNT', called, '-inf', now) end
  local count = 0
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', called, '-inf', now, 'LIMIT', 0, 100)) do
    if (redis.call('ZRANK', line, other) or rank) < rank then count = count + 1 end
  end
  return count
end

-- call as many as the limits allow, at most a fixed number if there is no limit
local function call(most)
  local runs = {{}}
  if redis.call('EXISTS', line) == 0 or redis.call('EXISTS', breaker) == 1 then return runs end
  local count = math.min(room() - coming(), most)
  if count < 1 then return runs end
  for _, run in ipairs(redis.call('ZRANGE', line, 0, count + 99)) do
    if #runs < count and not redis.call('ZSCORE', called, run) then
      redis.call('ZADD', called, now, run)
      redis.call('ZADD', due, now, run)
      table.insert(runs, run)
    end
  end
  if #runs > 0 then redis.call('PEXPIRE', called, 600000) end
  return runs
end
"""

ENTER = f"""{_NOW}{_ROOM}
local ticket, stays, run, owner, priority = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8])

-- a place in the line; owners take turns within a priority, as they do in a queue
local function wait(from, reason)
  local before = 0
  if run ~= '' then
    if not redis.call('ZSCORE', line, run) then
      local first = tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2] or 0) % 1e9
      local turn = math.max(tonumber(redis.call('HGET', turns, owner) or 0) + 1, first)
      redis.call('HSET', turns, owner, turn)
      redis.call('ZADD', line, turn - priority * 1e9, run)
    end
    before = redis.call('ZRANK', line, run)
  end
  local at = from + before * {SPACING}
  if reason == 'rate' then
    local nth = redis.call('ZCARD', calls) - rate + before % rate -- more than the rate, where it was lowered
    local spent = redis.call('ZRANGE', calls, nth, nth, 'WITHSCORES')[2]
    at = (tonumber(spent) or now) + per * (1 + math.floor(before / rate))
  end
  if run ~= '' then
    redis.call('ZADD', due, at, run)
    redis.call('ZREM', called, run)
    if reason == 'rate' then redis.call('ZADD', called, at, run) end
    for _, key in ipairs({{line, due, called, turns}}) do redis.call('PEXPIRE', key, math.max(at - now, 0) + 600000) end
  end
  return {{math.max(1, at - now), reason}}
end

local reason = redis.call('HGET', breaker, 'reason')
if reason then
  local left = tonumber(redis.call('HGET', breaker, 'until')) - now
  local closed = left > 0
  if not closed then left = redis.call('PTTL', probe) end
  if left > 0 then
    if reason == 'rate_limited' then return wait(now + (closed and left or math.min(left, 500)), reason) end
    forget(run)
    return {{left, reason}}
  end
end
local free, full = room()
if free <= coming(run) then return wait(now + {SPACING}, full) end
if redis.call('ZSCORE', line, run) then
  forget(run)
  if redis.call('EXISTS', line) == 0 then redis.call('DEL', turns) end
end
if rate > 0 then redis.call('ZADD', calls, now, ticket); redis.call('PEXPIRE', calls, per) end
redis.call('ZADD', inside, now + stays, ticket)
if redis.call('PTTL', inside) < stays then redis.call('PEXPIRE', inside, math.max(stays, 1000)) end
if reason then
  local length = tonumber(redis.call('HGET', breaker, 'length'))
  redis.call('SET', probe, ticket, 'PX', math.max(1000, math.min(stays, length)))
end
return {{0, ''}}
"""

LEAVE = f"""{_NOW}{_ROOM}
local ticket, healthy = ARGV[4], ARGV[5] == '1'
redis.call('ZREM', inside, ticket)
if healthy then redis.call('DEL', failures) end
if redis.call('GET', probe) == ticket then
  redis.call('DEL', probe)
  if healthy then redis.call('DEL', breaker); redis.call('SREM', index, ARGV[6]) end
end
if concurrency > 0 then return call(concurrency) end
return call(healthy and 2 or 0) -- each that went well calls two more, until the provider has enough of it
"""

CALL = f"""{_NOW}{_ROOM}
for number = 4, #ARGV do forget(ARGV[number]) end
return call(#ARGV - 3)
"""

_OPEN = """
local function open(reason, pause, provider, kept)
  local before = tonumber(redis.call('HGET', breaker, 'until') or 0)
  if before < now + pause then
    redis.call('HSET', breaker, 'reason', reason, 'until', now + pause, 'length', pause)
  end
  redis.call('HSETNX', breaker, 'since', now)
  redis.call('PEXPIRE', breaker, pause + kept)
  redis.call('DEL', probe)
  redis.call('SADD', index, provider)
end
"""

CLOSE = f"""{_NOW}{_OPEN}
open(ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]))
return 0
"""

FAILED = f"""{_NOW}{_OPEN}
local ticket, provider, kept = ARGV[1], ARGV[2], tonumber(ARGV[3])
local after, first, longest = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local failed = redis.call('INCR', failures)
redis.call('PEXPIRE', failures, 600000)
local tried = redis.call('GET', probe) == ticket
local reason = redis.call('HGET', breaker, 'reason')
if not tried and (reason or failed < after) then return 0 end
local times = redis.call('HINCRBY', breaker, 'times', 1)
local pause = math.min(first * 2 ^ (times - 1), longest)
open(reason or 'down', pause, provider, kept)
return tried and pause or 0
"""

OPEN = f"""{_NAMES}
for _, key in ipairs({{breaker, probe, failures}}) do redis.call('DEL', key) end
redis.call('SREM', index, ARGV[1])
return redis.call('ZRANGE', line, 0, 499)
"""
