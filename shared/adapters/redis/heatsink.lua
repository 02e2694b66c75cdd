#!lua name=heatsink
-- Heatsink's function library: what must happen together on the server happens here, one call each.
--
-- What it is for. A decision, the state it leads to, the reservation it makes and the acknowledgement of its proposal
-- must be there together or not at all, and only if the process that made them is still the one writer. A client that
-- sent them one by one could die in between, or be overtaken. The server runs a function alone, from its first command
-- to its last, so nobody sees half of it and nobody comes between its checks and its writes.
--
-- What it cannot do. Lua has no rollback: a command that fails half way leaves the writes before it in place. So a
-- function checks all that could make a write fail, or should forbid it, before its first write: the kind of every key,
-- whether a stream takes another entry (somebody may have written one with the last id there is), every number that is
-- stored; and a commit the epoch, the sequence, what was decided before, and the heat. (A server that is out of memory
-- refuses functions of clients before they begin, and lets those of services pass: see the end of this file.) A stream
-- whose end was set without an entry is found out by appending alone: so a commit appends first, and takes out again
-- what it appended when one is refused. After that, only a server that dies can stop it. Whether the call is there when
-- it comes back is a matter of its append-only file, which takes the effects of a call as one unit.
--
-- The epoch is a fencing token (shared/ports/writer_lease.py). ``hs_acquire`` hands out the next one with the lease; it
-- never goes back, and outlives the lease. ``hs_commit`` compares it before it writes. So a writer that slept while
-- another took over is refused, however late its commit arrives and whatever it believes about its lease. An epoch that
-- is missing altogether means that the server lost the state: the writer ends instead of beginning a new portfolio.
--
-- The order of checks in a commit, and what each refusal makes of it:
--
--   TYPE    a key holds what this library never wrote there. The process starts over until somebody mends it
--           (heatsink repair).
--   FOREIGN the same of the key of one decision: its order is set aside, and all others go on.
--   FENCED  the epoch is over, or gone. The process ends.
--   SEQ     the commit is not the one after the last: the process was out of step with the store. It ends.
--   DUP     an order was decided before. The process starts over and asks the store first (runtime/host/idempotency).
--   HEAT    the reservations would take heat over its limit by the store's own sum (docs/decisions/0007), or nobody
--           can tell by that sum. The order is set aside.
--
-- Why it is safe at every crash point. Before the call: nothing was written, the entries are pending. Within it: the
-- server finishes it whether or not the client is still there. After it, with the reply lost: the client cannot know,
-- so it does not guess but reads the cursors, which were part of the call (docs/decisions/0002); sending it again would
-- be refused by the sequence. Lease lost in between: the epoch decides, not the lease.
--
-- Every process loads the library when it starts, in place of whatever version is there, while those of an earlier
-- version may still run. So names of functions, their arguments and the fields of the plan are only ever added to.
-- All keys of a call share one hash tag, as a Redis Cluster demands; what stands in other slots is acknowledged apart.

-- The ids of this millisecond are the last there are: behind one of them a stream may take no other.
local LAST_MS = '18446744073709551615'

-- Why a key is none of a ``kind``; nil when it is, or not there.
local function mistyped(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    return key .. ' holds a ' .. found .. ', not a ' .. kind
  end
end

-- Why a key cannot be written as ``kind``; nil when it can.
local function misfit(key, kind)
  local why = mistyped(key, kind)
  if why or kind ~= 'stream' then
    return why
  end
  if #redis.call('XRANGE', key, LAST_MS, '+', 'COUNT', 1) > 0 then
    return key .. ' takes no entry: one with the last id there is stands in it'
  end
end

-- A whole number from 0 on as this library stores it, or nil. text: false where nothing is stored, which is 0.
local function whole(text)
  local value = tonumber(text or '0')
  if value and value >= 0 and value < 2 ^ 53 and value == math.floor(value) then
    return value
  end
end

-- An amount as this library stores it, or nil: no text, no nan, nothing endless, below 0 by no more than rounding.
local function amount(text)
  local value = tonumber(text or '0')
  if value and value > -1e-6 and value < 1e18 then
    return value
  end
end

-- Become the writer. KEYS: lease, meta. ARGV: owner, lease_ms.
-- Returns {epoch, ''}, or {0, holder} while somebody else holds the lease.
-- What is no string is nobody's lease: it is about who gets on with the work, and safety is the epoch's.
local function acquire(keys, args)
  local why = misfit(keys[2], 'hash')
  if not why and not whole(redis.call('HGET', keys[2], 'epoch')) then
    why = keys[2] .. ' holds an epoch that is no number'
  end
  if why then
    return redis.error_reply('WRONGTYPE ' .. why)
  end
  local holder = redis.pcall('GET', keys[1])
  if type(holder) == 'string' and holder ~= args[1] then
    return {0, holder}
  end
  redis.call('SET', keys[1], args[1], 'PX', args[2])
  return {redis.call('HINCRBY', keys[2], 'epoch', 1), ''}
end

-- Stay the writer. KEYS: lease, meta. ARGV: owner, lease_ms, epoch.
-- Returns 1, 0 when fenced, or -1 when there is no epoch at all: the state is gone. It goes by the epoch and not by the
-- holder: a writer whose lease ran out, and whom nobody replaced, goes on.
local function renew(keys, args)
  local why = misfit(keys[2], 'hash')
  local epoch = not why and redis.call('HGET', keys[2], 'epoch')
  if not why and not whole(epoch) then
    why = keys[2] .. ' holds an epoch that is no number'
  end
  if why then
    return redis.error_reply('WRONGTYPE ' .. why)
  end
  if epoch ~= args[3] then
    return epoch and 0 or -1
  end
  redis.call('SET', keys[1], args[1], 'PX', args[2])
  return 1
end

-- Give the lease back, unless somebody else has it by now. KEYS: lease. ARGV: owner.
local function release(keys, args)
  if redis.pcall('GET', keys[1]) == args[1] then
    redis.call('DEL', keys[1])
  end
  return 1
end

-- The reserved hash added up anew. Returns the sum of its amounts, and the first order that has none there.
local function reserved_anew(reserved_key, but)
  local total, bad, rows = 0, nil, redis.call('HGETALL', reserved_key)
  for i = 1, #rows, 2 do
    local held = amount(rows[i + 1])
    total = total + (held or 0)
    if not held and rows[i] ~= but then
      bad = bad or rows[i]
    end
  end
  return total, bad
end

-- The second, independent check of heat: this function's own running sum of reserved risk, whatever the writer thinks.
-- Only an increase can be refused: a decrease makes room. The margin is for the sum's rounding (1e-9 of the limit).
-- Where the sum or a row is no amount, somebody else wrote it: it is added up anew, and no increase passes while a row
-- is none.
-- Returns the rows to write to the reserved hash and the new sum, or nil, the order that does not fit, and why.
local function check_reservations(reserved_key, stored, checks)
  local reserved, total, bad = {}, amount(stored), nil
  if #checks > 0 and not total then
    total, bad = reserved_anew(reserved_key)
  end
  for _, check in ipairs(checks) do
    local id, risk, open, limit = check[1], amount(check[2]), tonumber(check[3]), tonumber(check[4])
    if not risk then
      return nil, id, 'its risk of ' .. check[2] .. ' is no amount'
    end
    local held = reserved[id] or amount(redis.call('HGET', reserved_key, id))
    if not held then
      held = 0
      total, bad = reserved_anew(reserved_key, id)
      for _, each in pairs(reserved) do
        total = total + each -- those of this commit are not in the hash yet
      end
    end
    total = total - held + risk
    if risk > held and bad then
      return nil, id, reserved_key .. ' has no amount for ' .. bad
    end
    if risk > held and not (open + total <= limit * 1.000000001) then
      return nil, id, ''
    end
    reserved[id] = risk
  end
  return reserved, total
end

-- The first key of a commit that holds something else: a write that failed half way could not be taken back.
local FIXED_KINDS = {'hash', 'hash', 'hash', 'stream', 'hash'}
local function misplaced(keys, plan)
  local why = nil
  for i, kind in ipairs(FIXED_KINDS) do
    why = why or misfit(keys[i], kind)
  end
  local seen = {}
  for _, output in ipairs(plan.outputs) do
    if not seen[output[1]] then
      seen[output[1]] = true
      why = why or misfit(keys[output[1]], 'stream')
    end
  end
  for _, ack in ipairs(plan.acks) do
    why = why or mistyped(keys[ack[1]], 'stream')
  end
  return why
end

-- The first key of a decision that holds something else than a string.
local function foreign_decision(keys, plan)
  for _, decision in ipairs(plan.decisions) do
    local why = misfit(keys[decision[1]], 'string')
    if why then
      return why
    end
  end
end

-- Lua passes arguments on its stack, which holds some 8,000 of them; a command that gets more fails half way.
local ROWS_A_CALL = 1000

-- Set the fields of a hash, and delete those that are false: {{field, bytes or false}}, in as few calls as may be.
local function write_rows(key, rows)
  local fields = {}
  for _, row in ipairs(rows) do
    if row[2] then
      fields[#fields + 1] = row[1]
      fields[#fields + 1] = row[2]
    else
      redis.call('HDEL', key, row[1])
    end
    if #fields >= 2 * ROWS_A_CALL then
      redis.call('HSET', key, unpack(fields))
      fields = {}
    end
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
end

-- Acknowledge entries of a stream, in as few calls as may be.
local function acknowledge(key, group, ids)
  for first = 1, #ids, ROWS_A_CALL do
    redis.call('XACK', key, group, unpack(ids, first, math.min(first + ROWS_A_CALL - 1, #ids)))
  end
end

-- Append an entry, with its writer's signature where it has one. Returns its id; nil and why when the stream takes none.
-- It never trims: ``hs_trim`` does.
local function append(key, body, signature)
  local id
  if signature and signature ~= '' then
    id = redis.pcall('XADD', key, '*', 'm', body, 's', signature)
  else
    id = redis.pcall('XADD', key, '*', 'm', body)
  end
  if type(id) == 'table' then
    return nil, key .. ' takes no entry (' .. id.err .. ')'
  end
  return id
end

-- Append all entries of a commit, or none: {{key, bytes, signature}}. Returns why not; nil when they are there.
local function append_all(entries)
  local added = {}
  for i, entry in ipairs(entries) do
    local id, why = append(entry[1], entry[2], entry[3])
    if not id then
      for j, before in ipairs(added) do
        redis.call('XDEL', entries[j][1], before)
      end
      return why
    end
    added[i] = id
  end
end

-- Append what is told of refused entries, and publish it. Returns 1, or 0 where it has no place.
local function put_letters(key, letters)
  for _, body in ipairs(letters) do
    if not append(key, body) then
      return 0
    end
    redis.call('PUBLISH', key, body)
  end
  return 1
end

-- The marker of a proposal says that its stream has it. It is the digest of the copy that its commit published until
-- that is heard, for that copy is no repeat; from then on it is this.
local HEARD = '1'
local DIGEST_LENGTH = 40

-- The commit. KEYS: meta, cursors, state, journal, reserved, then whatever the plan names by index.
-- ARGV[1]: the plan as MessagePack (commit_encoder.py). Numbers that must not be rounded come as text: Lua has doubles.
--   epoch, seq, digest (strings), journal (bytes), keep (not used any more)
--   seal (string)                                of this version on: what vouches for all that the commit leaves
--   guards    {{order, risk, open, limit}}       the reservation checks; named as every version names them
--   decisions {{key index, output number, ttl_ms}}   must not exist yet
--   markers   {{key index, ttl_ms, output number}}   proposals that it writes to their stream
--   outputs   {{key index, keep (not used any more), bytes, {channel, ...}, signature}}   of earlier versions without
--   records   {{field, bytes or false}}
--   cursors   {{stream, id}}
--   acks      {{key index, group, {id, ...}}}
--   letters   {key index, {bytes, ...}}          absent where there are none; no commit is refused for them
-- Returns {'OK', 1, or 0 where the letters have no place}, {'TYPE', why}, {'FENCED', epoch}, {'SEQ', seq},
-- {'FOREIGN', why}, {'DUP', bytes, ...} or {'HEAT', order, why}.
local function commit(keys, args)
  local plan = cmsgpack.unpack(args[1])
  local why = misplaced(keys, plan)
  if why then
    return {'TYPE', why}
  end
  local meta = redis.call('HMGET', keys[1], 'epoch', 'seq', 'reserved')
  if not whole(meta[1]) then
    return {'TYPE', keys[1] .. ' holds an epoch that is no number'}
  end
  if meta[1] ~= plan.epoch then
    return {'FENCED', meta[1] or ''}
  end
  local seq = whole(meta[2])
  if not seq then
    return {'TYPE', keys[1] .. ' holds a seq that is no number'}
  end
  if seq + 1 ~= tonumber(plan.seq) then
    return {'SEQ', meta[2] or '0'}
  end
  why = foreign_decision(keys, plan)
  if why then
    return {'FOREIGN', why}
  end
  local known = {'DUP'}
  for _, decision in ipairs(plan.decisions) do
    local stored = redis.call('GET', keys[decision[1]])
    if stored then
      known[#known + 1] = stored
    end
  end
  if #known > 1 then
    return known
  end
  local reserved, total, unknown = check_reservations(keys[5], meta[3], plan.guards)
  if not reserved then
    return {'HEAT', total, unknown}
  end
  local entries = {}
  for i, output in ipairs(plan.outputs) do
    entries[i] = {keys[output[1]], output[3], output[5]}
  end
  entries[#entries + 1] = {keys[4], plan.journal}
  why = append_all(entries)
  if why then
    return {'TYPE', why}
  end

  for _, decision in ipairs(plan.decisions) do
    redis.call('SET', keys[decision[1]], plan.outputs[decision[2]][3], 'PX', decision[3])
  end
  for _, marker in ipairs(plan.markers) do
    local copy = plan.outputs[marker[3]]
    redis.call('SET', keys[marker[1]], copy and redis.sha1hex(copy[3]) or HEARD, 'PX', marker[2])
  end
  for id, risk in pairs(reserved) do
    if risk > 0 then
      redis.call('HSET', keys[5], id, string.format('%.17g', risk))
    else
      redis.call('HDEL', keys[5], id)
    end
  end
  write_rows(keys[3], plan.records)
  write_rows(keys[2], plan.cursors)
  for _, output in ipairs(plan.outputs) do
    for _, channel in ipairs(output[4]) do
      redis.call('PUBLISH', channel, output[3])
    end
  end
  for _, ack in ipairs(plan.acks) do
    acknowledge(keys[ack[1]], ack[2], ack[3])
  end
  if #plan.guards > 0 and redis.call('EXISTS', keys[5]) == 0 then
    total = 0 -- nothing is reserved: what float errors left over goes
  end
  redis.call('HSET', keys[1], 'seq', plan.seq, 'digest', plan.digest, 'seal', plan.seal or '')
  if total then -- otherwise somebody wrote over the sum, and this commit does not need it
    redis.call('HSET', keys[1], 'reserved', string.format('%.17g', total))
  end
  return {'OK', plan.letters and put_letters(keys[plan.letters[1]], plan.letters[2]) or 1}
end

-- What a machine's commits left, but for its records: to be held against its seal. KEYS: meta, cursors, reserved.
-- It looks at one moment, between two commits.
local function look(keys)
  return {redis.call('HGETALL', keys[1]), redis.call('HGETALL', keys[2]), redis.call('HGETALL', keys[3])}
end

-- Why a fence tells nothing; nil when it does.
local function misfit_fence(fence)
  local why = misfit(fence, 'string')
  if not why and not whole(redis.call('GET', fence)) then
    why = fence .. ' holds an epoch that is no number'
  end
  return why
end

-- Whether a writer of the market was taken over: somebody with a later epoch has written here (ports/market_lease.py).
-- fence: the key that keeps the epoch of the last writer. epoch: of this one; 0 for whoever holds no lease.
-- It writes, so it comes after all other checks, ``misfit_fence`` among them.
local function is_taken_over(fence, epoch)
  local mine, last = tonumber(epoch), tonumber(redis.call('GET', fence) or '0')
  if mine > last then
    redis.call('SET', fence, epoch)
  end
  return mine > 0 and mine < last
end

-- Append bars that are newer than their pair's last. KEYS: stream, last, and of this version on fence.
-- ARGV: keep (not used any more), with a fence epoch, then (symbol, open_ms, bytes, channel)*.
-- Returns how many were new, or -1 when the writer was taken over and nothing was written.
local function publish_bars(keys, args)
  local first = keys[3] and 3 or 2
  local why = misfit(keys[1], 'stream') or misfit(keys[2], 'hash') or keys[3] and misfit_fence(keys[3])
  for i = first, why and 0 or #args, 4 do
    if not why and not tonumber(redis.call('HGET', keys[2], args[i]) or '0') then
      why = keys[2] .. ' holds no time for ' .. args[i]
    end
  end
  if why then
    return redis.error_reply('WRONGTYPE ' .. why)
  end
  if keys[3] and is_taken_over(keys[3], args[2]) then
    return -1
  end
  local new = 0
  for i = first, #args, 4 do
    local last = redis.call('HGET', keys[2], args[i])
    if not last or tonumber(last) < tonumber(args[i + 1]) then
      local id, full = append(keys[1], args[i + 2]) -- first: what is not there must not count as published
      if not id then
        return redis.error_reply('WRONGTYPE ' .. full)
      end
      redis.call('HSET', keys[2], args[i], args[i + 1])
      redis.call('PUBLISH', keys[1], args[i + 2])
      redis.call('PUBLISH', args[i + 3], args[i + 2])
      new = new + 1
    end
  end
  return new
end

-- Keep the latest mark or book of pairs, and publish it. KEYS: hash, fence. ARGV: epoch, then (symbol, bytes, channel)*.
-- Returns 1, or -1 when the writer was taken over and nothing was written.
local function set_latest(keys, args)
  local why = misfit(keys[1], 'hash') or misfit_fence(keys[2])
  if why then
    return redis.error_reply('WRONGTYPE ' .. why)
  end
  if is_taken_over(keys[2], args[1]) then
    return -1
  end
  for i = 2, #args, 3 do
    redis.call('HSET', keys[1], args[i], args[i + 1])
    redis.call('PUBLISH', keys[1], args[i + 1])
    redis.call('PUBLISH', args[i + 2], args[i + 1])
  end
  return 1
end

-- A proposal that came by PUBLISH. KEYS: stream, marker. ARGV: bytes, marker_ms, keep (not used any more).
-- Returns 1 when it came for the first time, be it as the copy of what a commit wrote; 0 for a repeat.
local function take_in(keys, args)
  local why = misfit(keys[1], 'stream')
  if why then
    return redis.error_reply('WRONGTYPE ' .. why)
  end
  local known = redis.pcall('GET', keys[2])
  if type(known) ~= 'string' or known ~= HEARD and #known ~= DIGEST_LENGTH then
    known = false -- nobody of us wrote that, so it says nothing
  end
  if known and known ~= redis.sha1hex(args[1]) then
    return 0
  end
  if not known then
    local id, full = append(keys[1], args[1])
    if not id then
      return redis.error_reply('WRONGTYPE ' .. full)
    end
  end
  redis.call('SET', keys[2], HEARD, 'PX', args[2])
  return 1
end

-- For a shell, where MessagePack cannot be typed: scripts of one's own are refused to every user but the owner.

-- The latest message of a stream, or that of a pair in a hash, as JSON. KEYS: stream or hash. ARGV: the pair, of a hash.
local function show(keys, args)
  local body
  if redis.call('TYPE', keys[1]).ok == 'hash' then
    body = redis.call('HGET', keys[1], args[1] or '')
  else
    local entry = redis.call('XREVRANGE', keys[1], '+', '-', 'COUNT', 1)[1]
    for i = 1, entry and #entry[2] or 0, 2 do
      body = entry[2][i] == 'm' and entry[2][i + 1] or body
    end
  end
  return body and cjson.encode(cmsgpack.unpack(body))
end

-- --- queues: what nobody has taken is neither trimmed nor read without a bound (docs/decisions/0025) ---

-- The queues that clients have, each with a stream of its own: hs:{P}:clients:NAME for proposals, hs:{P}:reports:NAME.
-- kinds: what goes in. reader: how the names of the groups begin that take it. The rest is said to who is refused.
local QUEUES = {
  clients = {
    kinds = {OrderProposed = true, StopRaised = true, CancelProposed = true},
    reader = 'risk:',
    one = 'a proposal',
    many = 'proposals',
    named = 'OrderProposed, StopRaised or CancelProposed',
    remedy = 'wait for verdicts, or find out why the gate takes none (heatsink status)',
  },
  reports = {
    kinds = {PlacedReported = true, FillReported = true, ClosedReported = true, StopReported = true},
    reader = 'execution:',
    one = 'a report',
    many = 'reports',
    named = 'PlacedReported, FillReported, ClosedReported or StopReported',
    remedy = 'wait for answers, or find out why execution takes none (heatsink status): it does with orders = "client"',
  },
}

-- Which of them a key is, and whose: nil for a key that is none.
local function queue_of(key)
  local home, queue, client = string.match(key, '^(hs:{[^{}]+}):(%l+):([%w_%-]+)$')
  if home and QUEUES[queue] and #client <= 32 then
    return queue, home, client
  end
end

-- Every reading group of a stream, as a table of the server's own fields.
local function groups_of(key)
  local found = {}
  if redis.call('EXISTS', key) == 1 then
    for i, row in ipairs(redis.call('XINFO', 'GROUPS', key)) do
      local group = {}
      for j = 1, #row, 2 do
        group[row[j]] = row[j + 1]
      end
      found[i] = group
    end
  end
  return found
end

-- Whether one whole number comes before another. They are text: an id may be larger than what a double can tell apart.
local function is_less(a, b)
  return #a < #b or (#a == #b and a < b)
end

-- Whether an entry's id comes before another's.
local function is_earlier(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)%-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)%-(%d+)$')
  return is_less(a_ms, b_ms) or (a_ms == b_ms and is_less(a_seq, b_seq))
end

-- Shorten a stream to ``keep`` entries, but take out nothing that one of its readers was not given, or did not finish.
-- KEYS: stream. ARGV: keep. Returns how many entries went. Whole blocks of entries go, so a few more are kept.
local function trim(keys, args)
  local key, keep = keys[1], tonumber(args[1])
  if misfit(key, 'stream') then
    return 0
  end
  local spare = redis.call('XLEN', key) - keep
  if spare <= 0 then
    return 0
  end
  local needed = nil
  for _, group in ipairs(groups_of(key)) do
    local id = group['last-delivered-id']
    if group['pending'] > 0 then
      id = redis.call('XPENDING', key, group['name'])[2]
    end
    if not needed or is_earlier(id, needed) then
      needed = id
    end
  end
  if not needed then -- nobody reads it; of a client's queue: not yet
    return queue_of(key) and 0 or redis.call('XTRIM', key, 'MAXLEN', '~', keep)
  end
  return redis.call('XTRIM', key, 'MINID', '~', needed, 'LIMIT', spare)
end

-- What a stream counts, without its bodies. KEYS: stream. Returns {length, entries ever added, id of the first or ''}.
local function stream_facts(keys)
  if redis.call('EXISTS', keys[1]) == 0 then
    return {0, 0, ''}
  end
  local info = {}
  local row = redis.call('XINFO', 'STREAM', keys[1])
  for i = 1, #row, 2 do
    info[row[i]] = row[i + 1]
  end
  return {info['length'], info['entries-added'], info['first-entry'] and info['first-entry'][1] or ''}
end

-- An entry as readers get it: {key number, id, fields, size}. One that is too long comes as the beginning of its body
-- with its size; the size of all others is 0.
local BEGINNING = 4096
local function readable(number, entry, most)
  local id, fields, size, body = entry[1], entry[2], 0, nil
  for i = 1, #fields, 2 do
    size = size + #fields[i] + #fields[i + 1]
    body = body or (fields[i] == 'm' and fields[i + 1])
  end
  if size <= most then
    return {number, id, fields, 0}, size
  end
  return {number, id, body and {'m', string.sub(body, 1, BEGINNING)} or {}, size}, BEGINNING
end

-- How many entries of a stream a reading group was given, as the server counts them: what is gone counts as given once
-- the group reads on behind it. False where the server does not know.
local function given(key, name)
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', key)) do -- not by groups_of: this is asked with every read
    if row[2] == name then
      return row[9] == 'entries-read' and row[10]
    end
  end
  return false
end

-- What a reading group was not given yet, bounded by entries and by bytes. One entry at a time: so never more than one
-- long one is copied, whatever somebody wrote there.
-- KEYS: streams, in the order of priority; the last ``turns`` of them take turns, one entry each.
-- ARGV: group, entries, bytes, turns, then for each stream the most bytes of an entry; then, if given, the most entries
-- of each that takes turns but for the first, and 1 if they are those of the first as well. Both other bounds are for
-- each stream, and for all that take turns together, of which each gets one turn at least.
-- The first entry of each stream comes with how many the group was given with it.
local function read(keys, args)
  local group, count, most_bytes, turns = args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local rounds, round = tonumber(args[5 + #keys] or count), 0
  local unbounded = args[6 + #keys] ~= '1' and #keys - turns + 1
  local rows, begun = {}, {}
  local function take(number)
    local reply = redis.call('XREADGROUP', 'GROUP', group, 'writer', 'COUNT', 1, 'STREAMS', keys[number], '>')
    if not reply then
      return nil
    end
    local row, size = readable(number, reply[1][2][1], tonumber(args[4 + number]))
    if not begun[number] then
      begun[number], row[5] = true, given(keys[number], group)
    end
    rows[#rows + 1] = row
    return size
  end
  for number = 1, #keys - turns do
    local left, bytes = count, 0
    while left > 0 and bytes < most_bytes do
      local size = take(number)
      if not size then
        break
      end
      left, bytes = left - 1, bytes + size
    end
  end
  local open = {}
  for number = #keys - turns + 1, #keys do
    open[#open + 1] = number
  end
  local left, bytes = count, 0
  while #open > 0 and left > 0 and bytes < most_bytes do
    local still_open = {}
    round = round + 1
    for _, number in ipairs(open) do
      local may = round <= rounds or number == unbounded
      local size = left > 0 and may and take(number)
      if size then
        left, bytes = left - 1, bytes + size
        still_open[#still_open + 1] = number
      end
    end
    open = still_open
  end
  return rows
end

-- The same for who reads without a group. KEYS: stream. ARGV: from, to (as of XRANGE), entries, bytes, the most bytes of
-- an entry, 1 to begin with the newest. At least one entry comes, if there is any; whoever wants more asks again.
local function range(keys, args)
  local from, to, left, most_bytes = args[1], args[2], tonumber(args[3]), tonumber(args[4])
  local most, newest_first = tonumber(args[5]), args[6] == '1'
  local rows, bytes = {}, 0
  while left > 0 and bytes < most_bytes do
    local found
    if newest_first then
      found = redis.call('XREVRANGE', keys[1], to, from, 'COUNT', 1)
    else
      found = redis.call('XRANGE', keys[1], from, to, 'COUNT', 1)
    end
    if #found == 0 then
      break
    end
    local row, size = readable(1, found[1], most)
    rows[#rows + 1] = row
    left, bytes = left - 1, bytes + size
    if newest_first then
      to = '(' .. row[2]
    else
      from = '(' .. row[2]
    end
  end
  return rows
end

-- A proposal of a client goes into the client's own queue, a stream that nobody else may write where the server has
-- users. So the key says whose it is, no client can push another's out, and the gate takes from all of them in turns.
-- So do reports of what clients executed, by ``hs_report`` into queues that execution reads.
-- KEYS: hs:{P}:clients:NAME, of a report hs:{P}:reports:NAME; the stream of its topic may be named before it.
-- ARGV: the message, then names and values of more fields of the entry.
-- Returns {'QUEUED', entry id}, or {'DECIDED', the stored decision} for an order that comes again as it was decided.
-- Refuses with an error whose first word is NAME, SIZE, MALFORMED, CLIENTS or QUOTA; nothing was written then.
local MOST_BYTES, MOST_FIELDS, MOST_WAITING, MOST_CLIENTS = 65536, 8, 1000, 100

-- Whether an order is the one that was decided, as domain/risk/gate/repeats.py compares them. In doubt it is not: then
-- the gate looks.
-- A decision with a client in it, as where these have bounds, is that client's alone.
local function is_decided_as(order, decided, client)
  if (decided.client or '') ~= '' and decided.client ~= client then
    return false
  end
  if decided.type ~= 'OrderDecided' or decided.order_id ~= order.id or decided.quantity_requested ~= order.quantity then
    return false
  end
  for _, name in ipairs({'symbol', 'side', 'limit_price', 'stop_price'}) do
    if order[name] ~= decided[name] then
      return false
    end
  end
  return (order.order_type or 'market') == decided.order_type
    and (order.strategy or 'external') == decided.strategy
    and (order.reduce_only or order.side == 'sell') == (decided.reduce_only or decided.side == 'sell')
end

-- The bodies that were found to repeat what was decided, by queue: to compare one with its decision costs the server as
-- much as to queue three, and a client may send the same one again and again. They stand in the memory of the library, and
-- so many of them at most.
local MOST_REPEATED, LONGEST_REPEATED = 1000, 1024
local repeated, repeats_kept = {}, 0

-- The stored decision that a body of this queue repeats, if that was found out before and still stands; nil otherwise.
local function repeats_known(key, body, home)
  local known = repeated[key] and repeated[key][body]
  return known and redis.pcall('GET', home .. ':decision:' .. known.id) == known.decision and known.decision or nil
end

local function note_repeat(key, body, id, decision)
  if #body > LONGEST_REPEATED then
    return
  end
  if repeats_kept >= MOST_REPEATED then
    repeated, repeats_kept = {}, 0
  end
  repeated[key], repeats_kept = repeated[key] or {}, repeats_kept + 1
  repeated[key][body] = {id = id, decision = decision}
end

-- How many entries of a client's queue their reader has not finished. Where its group does not tell: all that are there.
-- A stream that is shorter than a queue may be is looked at no closer: its length is the answer then.
local function waiting(key, reader)
  local length, most = redis.call('XLEN', key), nil
  if length < MOST_WAITING then
    return length
  end
  for _, group in ipairs(groups_of(key)) do
    if string.sub(group['name'], 1, #reader) == reader then
      local here = group['lag'] and math.min(length, group['lag'] + group['pending']) or length
      most = math.max(most or 0, here)
    end
  end
  return most or length
end

local function refused(code, why)
  return redis.error_reply(code .. ' ' .. why)
end

-- How often a client may call: so many at once, and so many a second. Whoever is over it is refused before anything of
-- the call is read, for a flood of what costs the server little costs the others little. It is more than a client gets
-- that waits for its verdicts. What is left of it stands in the memory of the library: nothing is written for it, no
-- client can change it, and a start of the server or of a service begins anew.
local CALLS_AT_ONCE, CALLS_A_SECOND, MOST_COUNTED = 2000, 500, 1000
local calls_left, counted = {}, 0

-- For how many milliseconds a client has to wait; nil for one that may call.
local function wait_ms(key)
  local time = redis.call('TIME')
  local now, known = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000, calls_left[key]
  if not known then
    if counted >= MOST_COUNTED then
      calls_left, counted = {}, 0
    end
    known, counted = {CALLS_AT_ONCE, now}, counted + 1
    calls_left[key] = known
  end
  local left = known[1] + math.max(0, now - known[2]) * CALLS_A_SECOND / 1000
  known[1], known[2] = math.min(CALLS_AT_ONCE, left), now
  if known[1] < 1 then
    return math.ceil((1 - known[1]) * 1000 / CALLS_A_SECOND)
  end
  known[1] = known[1] - 1
end

-- Put a message into a queue. queue: which of QUEUES.
local function enqueue(keys, args, queue)
  local key, body, of = keys[#keys], args[1] or '', QUEUES[queue]
  local found, home, client = queue_of(key)
  if found ~= queue then
    return refused('NAME', 'the last key is hs:{P}:' .. queue .. ':NAME, with a NAME of 1 to 32 of A-Z a-z 0-9 - _')
  end
  local wait = wait_ms(key)
  if wait then
    return refused('QUOTA', 'client ' .. client .. ' sends more than ' .. CALLS_A_SECOND .. ' ' .. of.many
      .. ' a second: slow down, and send this one again in ' .. wait .. ' ms')
  end
  local size = #body
  for i = 2, #args do
    size = size + #args[i]
  end
  if size > MOST_BYTES or #args > 1 + 2 * MOST_FIELDS or (#args > 0 and #args % 2 == 0) then
    return refused('SIZE', size .. ' bytes; at most ' .. MOST_BYTES .. ' are taken, with at most '
      .. MOST_FIELDS .. ' fields beside the message: send less')
  end
  local again = repeats_known(key, body, home)
  if again then
    return {'DECIDED', again}
  end
  local fine, order = pcall(cmsgpack.unpack, body)
  if not fine or type(order) ~= 'table' or not of.kinds[order.type] or type(order.id) ~= 'string' then
    return refused('MALFORMED', of.one .. ' is one MessagePack map with type (' .. of.named .. ') and id: see docs/join.md')
  end
  local why = mistyped(key, 'stream') or mistyped(home .. ':clients', 'hash')
  if why then
    return redis.error_reply('WRONGTYPE ' .. why)
  end
  local stored = order.type == 'OrderProposed' and redis.pcall('GET', home .. ':decision:' .. order.id)
  if type(stored) == 'string' then
    local read_well, decided = pcall(cmsgpack.unpack, stored)
    if read_well and type(decided) == 'table' and is_decided_as(order, decided, client) then
      note_repeat(key, body, order.id, stored)
      return {'DECIDED', stored}
    end
  end
  local queued = waiting(key, of.reader)
  if queued >= MOST_WAITING then
    return refused('QUOTA', 'client ' .. client .. ' has ' .. queued .. ' ' .. of.many .. ' waiting, and ' .. MOST_WAITING
      .. ' may: ' .. of.remedy)
  end
  if redis.call('HEXISTS', home .. ':clients', client) == 0 then
    why = misfit(key, 'stream') -- a client is named only if its queue can be written
    if why then
      return redis.error_reply('WRONGTYPE ' .. why)
    end
    if redis.call('HLEN', home .. ':clients') >= MOST_CLIENTS then
      return refused('CLIENTS', 'there are ' .. MOST_CLIENTS .. ' clients already: propose under the name of one of them')
    end
    local written = redis.pcall('HSET', home .. ':clients', client, redis.call('TIME')[1])
    if type(written) == 'table' and written.err then -- who signs in as a user must not name clients, himself or others
      return refused('CLIENTS', 'client ' .. client .. ' is not registered on this server: its owner does that, by '
        .. 'heatsink users --client ' .. client .. ', or a new start of heatsink up')
    end
  end
  local id = redis.pcall('XADD', key, '*', 'm', unpack(args))
  if type(id) == 'table' then
    return redis.error_reply('WRONGTYPE ' .. key .. ' takes no entry (' .. id.err .. ')')
  end
  return {'QUEUED', id}
end

local function propose(keys, args)
  return enqueue(keys, args, 'clients')
end

local function report(keys, args)
  return enqueue(keys, args, 'reports')
end

-- The same for a shell, where MessagePack cannot be typed. ARGV: the message as JSON.
local function propose_json(keys, args)
  local fine, order = pcall(cjson.decode, args[1] or '')
  return propose(keys, {fine and type(order) == 'table' and cmsgpack.pack(order) or ''})
end

-- What services must be able to write when the memory is full, or nobody could make room. KEYS: key. ARGV: the command
-- and what follows its key.
local WRITES = {XADD = true, HSET = true, HINCRBY = true, XGROUP = true}
local function write(keys, args)
  if not WRITES[args[1]] then
    return redis.error_reply('ERR hs_write does not do ' .. args[1])
  end
  if args[1] == 'XGROUP' then
    return redis.call('XGROUP', 'CREATE', keys[1], unpack(args, 2))
  end
  return redis.call(args[1], keys[1], unpack(args, 2))
end

-- A server whose memory is full (maxmemory) refuses to begin what may need more of it. That is meant for who brings
-- something new: clients. The services that take in what stands there, and whose commits let it be trimmed, go on: they
-- are marked ``allow-oom``. So do the market, for stops are triggered by it, and all that only reduces risk.
local function register(name, callback, ...)
  redis.register_function{function_name = name, callback = callback, flags = {'allow-oom', ...}}
end

register('hs_acquire', acquire)
register('hs_renew', renew)
register('hs_release', release)
register('hs_commit', commit)
register('hs_look', look, 'no-writes')
register('hs_publish_bars', publish_bars)
register('hs_set_latest', set_latest)
register('hs_trim', trim)
register('hs_read', read)
register('hs_range', range, 'no-writes') -- FCALL_RO: for those, too, who may only look
register('hs_stream_facts', stream_facts, 'no-writes')
register('hs_write', write)
redis.register_function('hs_take_in', take_in)
redis.register_function{function_name = 'hs_show', callback = show, flags = {'no-writes'}}
redis.register_function('hs_propose', propose)
redis.register_function('hs_report', report)
redis.register_function('hs_propose_json', propose_json)
