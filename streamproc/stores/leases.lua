-- Leases of limits, all orders in one step. Times are Redis' own, in microseconds; a limit is one point in time (GCRA).
--
-- KEYS: when this Redis was first asked; the processes that share, by when they were last seen; one hash for each order
-- ARGV: the process; how long a slot is held; how long a process counts; the orders as JSON
--
-- A hash has `requests` and `tokens`, when all that was taken will have flowed off, and for each process
-- `slot:NAME`, how many slots it holds and until when, how many it wants, and when its last turn began. One that is
-- missing was idle, or Redis has lost it: until a whole burst has flowed off since Redis was first asked, it counts
-- as just used up, and no new slot is given until all processes had time to say what they hold. `requests_line` and
-- `tokens_line` are the processes that were refused, in the order in which they came: what they wait for is kept for
-- them until a moment after the time at which they were told to come.
--
-- `requests_sum` and `tokens_sum` are how much was ever taken, behind the time at which that sum was begun. It is the mark
-- that goes with each answer and comes back with what was not used. The sum less what is in the bucket is what has left
-- it, the oldest first: what was taken up to a mark and has not left is the most that leaves it now. A mark of another
-- sum says nothing, for what it knew of has flowed off, or was lost.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local process, hold, seen = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local born = tonumber(redis.call('GET', KEYS[1]) or now)
redis.call('SET', KEYS[1], string.format('%.0f', born), 'EX', 86400)
redis.call('ZADD', KEYS[2], now, process)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - seen)
redis.call('PEXPIRE', KEYS[2], math.ceil(seen / 1000))

local grace = 250000
local second = 1000000

-- The places of those before this process, what they wait for together, and the places of those behind it.
local function line(key, name)
    local before, amount, behind, is_behind = {}, 0, {}, false
    for _, place in ipairs(cjson.decode(redis.call('HGET', key, name .. '_line') or '[]')) do
        if place[1] == process then
            is_behind = true
        elseif tonumber(place[3]) > now then
            table.insert(is_behind and behind or before, place)
            amount = amount + (is_behind and 0 or place[2])
        end
    end
    return before, amount, behind
end

-- A lease is used a little after it is given, so no more is given at once than `at_once`, which is less than the burst by
-- what flows off in that time. What is larger waits until the bucket has been empty for long enough.
local function bucket(key, name, per_minute, burst, at_once, draw)
    local each = 60000000 / per_minute
    local empty = tonumber(redis.call('HGET', key, name) or born + burst * each)
    local begun, sum = string.match(redis.call('HGET', key, name .. '_sum') or '', '^(%d+) (%S+)$')
    begun, sum = begun or string.format('%.0f', now), tonumber(sum or 0)
    for _, back in ipairs(draw.back) do
        local of, mark = string.match(back[1], '^(%d+) (%S+)$')
        if of == begun and empty > now then
            local left = sum - (empty - now) / each
            empty = empty - math.max(0, math.min(back[2], mark - left)) * each
        end
    end
    if draw.owed > 0 then
        empty = math.max(empty, now) + draw.owed * each
        sum = sum + draw.owed
    end
    local least, most, granted, wait = draw.least, draw.most, 0, 0
    if least > 0 then
        local places, amount, behind = line(key, name)
        local room = at_once - (empty - now) / each - amount
        local missing = math.min(least, burst) - room
        if missing <= 0.000001 then
            granted = math.max(least, math.min(most, math.floor(room)))
            empty = math.max(empty, now) + granted * each
            sum = sum + granted
        else
            wait = missing * each / 1000000
            table.insert(places, {process, least, string.format('%.0f', now + wait * 1000000 + grace)})
        end
        for _, place in ipairs(behind) do
            table.insert(places, place)
        end
        if #places > 0 then
            redis.call('HSET', key, name .. '_line', cjson.encode(places))
        else
            redis.call('HDEL', key, name .. '_line')
        end
    end
    local mark = begun .. string.format(' %.17g', sum)
    -- Rounded up: by how much it empties later is less than nobody would notice, and it is never too early.
    redis.call('HSET', key, name, string.format('%.0f', math.ceil(empty)), name .. '_sum', mark)
    return granted, wait, mark, empty
end

-- Processes that want more slots than there are have equally many; what cannot be divided they have in turns. Whoever had
-- such a slot longest ago is next, and keeps it for a second at least; who is new stands behind all that wait since a
-- second. `wants` are those who spoke within a second. The second number is what it has without a turn.
local function fair(wants, most, own)
    table.sort(wants, function(a, b) return a.slots < b.slots end)
    local left, many = most, #wants
    for _, want in ipairs(wants) do
        if want.slots * many > left then
            break
        elseif want == own then
            return own.slots, own.slots
        end
        left, many = left - want.slots, many - 1
    end
    local each, before = math.floor(left / many), 0
    local function place(want)
        return (now - want.turn < second) and 0 or want.turn
    end
    for at = #wants - many + 1, #wants do
        local want = wants[at]
        if place(want) < place(own) or place(want) == place(own) and want.name < own.name then
            before = before + 1
        end
    end
    return each + (before < left - each * many and 1 or 0), each
end

-- How many calls it may have from now on; where that is less than are running, they count until they end.
local function slots(key, most, running, wanted)
    local own, others = {name = process, slots = math.max(running, wanted), turn = now - second}, 0
    local wants = {own}
    local all = redis.call('HGETALL', key)
    for at = 1, #all, 2 do
        local who = string.match(all[at], '^slot:(.*)$')
        if who then
            local count, till, want, turn = string.match(all[at + 1], '^(%d+) (%d+) (%d+) (%d+)$')
            if tonumber(till) <= now then
                redis.call('HDEL', key, all[at])
            elseif who == process then
                own.turn = tonumber(turn)
            else
                others = others + count
                if till - hold + second > now then
                    table.insert(wants, {name = who, slots = tonumber(want), turn = tonumber(turn)})
                end
            end
        end
    end
    local allowed = running
    if now - born >= seen then
        local most_own, each = fair(wants, most, own)
        allowed = math.max(0, math.min(most_own, most - others))
        if allowed > each and now - own.turn >= second then
            own.turn = now
        end
    end
    if own.slots > 0 then
        local held = math.max(running, allowed)
        local words = string.format('%d %.0f %d %.0f', held, now + hold, own.slots, own.turn)
        redis.call('HSET', key, 'slot:' .. process, words)
    else
        redis.call('HDEL', key, 'slot:' .. process)
    end
    return allowed
end

local grants = {}
for number, order in ipairs(cjson.decode(ARGV[4])) do
    local key, last = KEYS[number + 2], now
    local grant = {0, 0, '', 0, 0, '', 0}
    if order.requests_per_minute > 0 then
        local empty
        grant[1], grant[2], grant[3], empty =
            bucket(key, 'requests', order.requests_per_minute, order.requests_burst, order.requests_at_once, order.requests)
        last = math.max(last, empty)
    end
    if order.tokens_per_minute > 0 then
        local empty
        grant[4], grant[5], grant[6], empty =
            bucket(key, 'tokens', order.tokens_per_minute, order.tokens_burst, order.tokens_at_once, order.tokens)
        last = math.max(last, empty)
    end
    if order.max_concurrent > 0 then
        grant[7] = slots(key, order.max_concurrent, order.running, order.slots)
        last = math.max(last, now + hold)
    end
    redis.call('PEXPIRE', key, math.ceil((last - now) / 1000) + 1000)
    -- As texts: numbers would lose their fractions on the way.
    for _, at in ipairs({1, 2, 4, 5, 7}) do
        grant[at] = string.format('%.17g', grant[at])
    end
    grants[number] = grant
end
return {redis.call('ZCARD', KEYS[2]), grants}
