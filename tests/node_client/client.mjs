// The client of tests/e2e/test_node_client.py: says on standard output, one JSON object a line, what it saw.
//
//   node client.mjs REDIS_URL SECONDS
import { setTimeout as sleep } from 'node:timers/promises'
import { RESP_TYPES } from 'redis'
import { DECIDED, PROPOSED, SIZES, connect, pack, unpack } from './heatsink.mjs'

const DEAD = 'hs:dead'
const POLL_MS = 50
const [url, seconds] = process.argv.slice(2)
const limit = setTimeout(() => {
  console.error(`gave up after ${seconds} s`)
  process.exit(1)
}, Number(seconds) * 1000)

const heatsink = await connect(url)
const sizes = new Map() // symbol -> the latest size
const verdicts = new Map() // order id -> the verdict

const say = (event, facts) => console.log(JSON.stringify({ event, ...facts }, (_, value) => typeof value === 'bigint' ? String(value) : value))
const until = async found => {
  let value
  while ((value = found()) === undefined) await sleep(POLL_MS)
  return value
}

function order(id, size) {
  return {
    type: 'OrderProposed',
    id,
    cause: size.id,
    trace: size.trace,
    time_ns: size.time_ns,
    symbol: size.symbol,
    side: 'buy',
    quantity: '0.01',
    stop_price: String(size.stop_price),
    strategy: 'node',
  }
}

async function verdictOn(id) {
  const decided = await until(() => verdicts.get(id))
  say('verdict', decided)
}

// What a careless or hostile client might send. None of it is an order.
function malformed(good) {
  const { symbol: _, ...withoutSymbol } = good
  return {
    not_messagepack: Buffer.from([0xc1, 0x00, 0xff]),
    empty: Buffer.alloc(0),
    cut_off: pack(good).subarray(0, 40),
    json: Buffer.from(JSON.stringify({ type: 'OrderProposed', id: 'json' })),
    no_map: pack([1, 2, 3]),
    unknown_type: pack({ ...good, type: 'OrderImagined' }),
    missing_field: pack(withoutSymbol),
    wrong_type: pack({ ...good, quantity: ['0.01'] }),
    not_a_number: pack({ ...good, quantity: 'NaN' }),
    overlong_id: pack({ ...good, id: 'x'.repeat(37) }),
    too_large: pack({ ...good, strategy: 'x'.repeat(70_000) }),
  }
}

async function refusals() {
  const entries = await heatsink.client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).xRange(DEAD, '-', '+')
  return entries.map(entry => unpack(entry.message.m))
}

await heatsink.listen(DECIDED, decided => verdicts.set(decided.order_id, decided))
await heatsink.listen(SIZES, size => sizes.set(size.symbol, size))
say('listening')

const size = await until(() => sizes.get('BTC/USDT'))
say('size', size)

await heatsink.publish(order('node-by-publish', size))
await verdictOn('node-by-publish')
await heatsink.append(order('node-by-xadd', size))
await verdictOn('node-by-xadd')

const bodies = malformed(order('node-malformed', size))
for (const body of Object.values(bodies)) {
  await heatsink.client.publish(PROPOSED, body)
  await heatsink.client.xAdd(PROPOSED, '*', { m: body })
}
await heatsink.client.xAdd(PROPOSED, '*', { message: 'the field is called m' })
say('sent_malformed', { kinds: Object.keys(bodies) })

await heatsink.publish(order('node-after-publish', size))
await verdictOn('node-after-publish')
await heatsink.append(order('node-after-xadd', size))
await verdictOn('node-after-xadd')

const expected = 2 * Object.keys(bodies).length + 1
while ((await refusals()).length < expected) await sleep(POLL_MS)
for (const { source, entry, field, reason, size_bytes } of await refusals()) {
  say('refused', { source, by: entry ? 'xadd' : 'publish', field, reason, size_bytes })
}

await heatsink.close()
clearTimeout(limit)
