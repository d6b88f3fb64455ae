-- The Redis ledger's view: every look at it and every change of it is one run of this script.
--
-- KEYS[1] `sums`: a hash with the state of the view, where booking stands in each partition, and the sums of accounts.
-- KEYS[2] `calls`: a hash with the calls that are in no sum for good yet, by usage id.
-- ARGV[1]: a name for the next life of the view, should this one be found lost. ARGV[2]: what the caller counts by.
-- ARGV[3]: orders, a JSON list of lists. The answer is JSON: state, generation, what the view counts by, and a reply to
-- each order; false where the order was not carried out, because the view was not ready for it.
--
-- Amounts are texts of integers ('' is not known): a JSON number here has 14 digits. Redis adds them as 64-bit integers,
-- and Lua compares them as doubles, which are exact up to 2^53; no cap that is compared here is above that.

local sums, calls = KEYS[1], KEYS[2]

-- A view is worth something only on the server, and in the history of writes, that it was built in. A restart changes
-- the run id, a promotion the replication id. Redis loses whole keys: the number of calls tells that one of the two is
-- missing.
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
    .. '/' .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local function begin_life(generation, build, basis)
  redis.call('UNLINK', sums, calls)
  redis.call('HSET', sums, 'server', server, 'calls', 0, 'state', 'lost', 'generation', generation, 'build', build,
    'basis', basis)
  return {server, '0', 'lost', generation, build, basis}
end

-- A former master that comes back has its own run id and history: what tells is that nobody has kept its view since.
local function is_unkept()
  local until_ms = redis.call('HGET', sums, 'until')
  return until_ms and now_ms > tonumber(until_ms) + 60000
end

local view = redis.call('HMGET', sums, 'server', 'calls', 'state', 'generation', 'build', 'basis')
if view[1] ~= server or tonumber(view[2]) ~= redis.call('HLEN', calls) or view[3] == 'ready' and is_unkept() then
  view = begin_life(ARGV[1], '', '')
end

local function is_ready()
  return view[3] == 'ready' and view[6] == ARGV[2]
end

local function may_build(build)
  if build == '' then return is_ready() end
  return view[3] == 'lost' and view[5] == build
end

local function add(kind, call, sign)
  for _, account in ipairs(call.accounts) do
    if call.nanos ~= '' and call.nanos ~= '0' then
      redis.call('HINCRBY', sums, kind .. '_nanos ' .. account, sign .. call.nanos)
    end
    if call.tokens ~= '' and call.tokens ~= '0' then
      redis.call('HINCRBY', sums, kind .. '_tokens ' .. account, sign .. call.tokens)
    end
    if kind == 'settled' and call.nanos == '' then
      redis.call('HINCRBY', sums, 'unknown ' .. account, sign .. '1')
    end
  end
end

local function read(id)
  local call = redis.call('HGET', calls, id)
  return call and cjson.decode(call)
end

-- `state`: reserved, confirmed (its note is stored) or settled (its line is not booked yet).
local function write(id, state, accounts, nanos, tokens)
  local call = {state = state, at = string.format('%.0f', now_ms), accounts = accounts, nanos = nanos, tokens = tokens}
  add(state == 'settled' and 'settled' or 'reserved', call, '')
  redis.call('HSET', calls, id, cjson.encode(call))
end

local function take_out(id, call)
  add(call.state == 'settled' and 'settled' or 'reserved', call, '-')
  redis.call('HDEL', calls, id)
end

local orders = {}

function orders.reserve(id, accounts, nanos, tokens, checks)
  if not is_ready() then return false end
  if redis.call('HEXISTS', calls, id) == 1 then return {} end
  local found, is_full = {}, false
  for i, check in ipairs(checks) do
    local account, unit, ask, cap, kill = unpack(check)
    local sum = redis.call('HMGET', sums, 'settled_' .. unit .. ' ' .. account, 'reserved_' .. unit .. ' ' .. account)
    local settled, reserved = sum[1] or '0', sum[2] or '0'
    found[i] = {settled, reserved}
    settled = tonumber(settled)
    is_full = is_full or settled >= tonumber(kill)
      or settled + math.max(tonumber(reserved), 0) + tonumber(ask) > tonumber(cap)
  end
  if is_full then return found end
  write(id, 'reserved', accounts, nanos, tokens)
  return {}
end

function orders.confirm(id)
  if not is_ready() then return false end
  local call = read(id)
  if call and call.state == 'reserved' then
    call.state = 'confirmed'
    redis.call('HSET', calls, id, cjson.encode(call))
  end
  return true
end

function orders.settle(id, nanos, tokens)
  if not is_ready() then return false end
  local call = read(id)
  if call and call.state ~= 'settled' then
    take_out(id, call)
    write(id, 'settled', call.accounts, nanos, tokens)
  end
  return true
end

function orders.release(id)
  if not is_ready() then return false end
  local call = read(id)
  if call and call.state ~= 'settled' then take_out(id, call) end
  return true
end

-- Frees a lease that nothing in Kafka stands behind, if it is still the one that was looked at.
function orders.free(id, at)
  if not is_ready() then return false end
  local call = read(id)
  if call and call.state ~= 'settled' and call.at == at then take_out(id, call) end
  return true
end

function orders.totals(accounts)
  if not is_ready() then return false end
  local found = {}
  for i, account in ipairs(accounts) do
    found[i] = redis.call('HMGET', sums, 'settled_nanos ' .. account, 'settled_tokens ' .. account,
      'reserved_nanos ' .. account, 'reserved_tokens ' .. account, 'unknown ' .. account)
  end
  return found
end

-- Whoever keeps the view true to Kafka. Two at a time do no harm, they would only do everything twice.
function orders.lead(id, milliseconds)
  local keeper = redis.call('HMGET', sums, 'keeper', 'until')
  local left_ms = keeper[1] and tonumber(keeper[2]) - now_ms or 0
  -- More is left than anybody is given: this server's clock was put back, and the keeper may be dead.
  if keeper[1] ~= id and left_ms > 0 and left_ms <= milliseconds then return 0 end
  redis.call('HSET', sums, 'keeper', id, 'until', string.format('%.0f', now_ms + milliseconds))
  return 1
end

-- Begins to build the view: of several builders the last one counts, and orders of the others find no build any more.
function orders.build(generation, build)
  if view[3] ~= 'lost' or view[4] ~= generation then return 0 end
  local keeper = redis.call('HMGET', sums, 'keeper', 'until')
  view = begin_life(generation, build, ARGV[2])
  if keeper[1] then redis.call('HSET', sums, 'keeper', keeper[1], 'until', keeper[2]) end
  return 1
end

function orders.adopt(build, id, accounts, nanos, tokens)
  if not may_build(build) then return false end
  if redis.call('HEXISTS', calls, id) == 0 then write(id, 'confirmed', accounts, nanos, tokens) end
  return true
end

function orders.offsets(partitions)
  if view[3] ~= 'ready' and view[5] == '' then return false end
  local found = {}
  for i, partition in ipairs(partitions) do
    found[i] = redis.call('HGET', sums, 'offset ' .. partition)
  end
  return found
end

-- The lines of a partition from one offset to another. What is booked already is passed over; where something would be
-- left out, nothing is booked, and the caller is told where booking stands.
function orders.book(build, partition, from, to, lines)
  if not may_build(build) then return false end
  local field = 'offset ' .. partition
  local stands = tonumber(redis.call('HGET', sums, field) or from)
  if from > stands then return stands end
  for _, line in ipairs(lines) do
    local offset, id, accounts, nanos, tokens = unpack(line)
    if offset >= stands then
      local call = read(id)
      if call then take_out(id, call) end
      add('settled', {accounts = accounts, nanos = nanos, tokens = tokens}, '')
    end
  end
  stands = math.max(stands, to)
  redis.call('HSET', sums, field, string.format('%.0f', stands))
  return stands
end

function orders.open(build)
  if build == '' or not may_build(build) then return 0 end
  redis.call('HSET', sums, 'state', 'ready', 'build', '')
  view[3], view[5] = 'ready', ''
  return 1
end

-- The view counts by something else than its keeper does: it has to be built anew.
function orders.forget(generation)
  if view[4] == generation then view = begin_life(ARGV[1], '', '') end
  return 1
end

-- Sums of windows that are over.
function orders.drop(fields)
  for _, field in ipairs(fields) do redis.call('HDEL', sums, field) end
  return 1
end

local replies = {}
for i, order in ipairs(cjson.decode(ARGV[3])) do
  replies[i] = orders[order[1]](unpack(order, 2))
end
redis.call('HSET', sums, 'calls', redis.call('HLEN', calls))
return cjson.encode({view[3], view[4], view[6], replies})
