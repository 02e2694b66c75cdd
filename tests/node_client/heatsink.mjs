// All that heatsink is to a JavaScript process: a Redis client, MessagePack, and the names of the streams.
// Every message and field stands in docs/asyncapi.yaml.
import { decode, encode } from '@msgpack/msgpack'
import { createClient } from 'redis'

// The braces are part of the name, with the portfolio's name between them.
export const SIZES = 'hs:{main}:sizes'
export const PROPOSED = 'hs:{main}:orders:proposed'
export const DECIDED = 'hs:{main}:orders:decided'

// Nanoseconds do not fit into a JavaScript number, so 64-bit integers are BigInts, both ways.
export function pack(message) {
  const bytes = encode(message, { useBigInt64: true })
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function unpack(bytes) {
  return decode(bytes, { useBigInt64: true })
}

export async function connect(url = 'redis://127.0.0.1:6379/0') {
  const client = createClient({ url })
  client.on('error', error => console.error(`redis: ${error.message}`))
  await client.connect()
  const live = await client.duplicate().connect() // a connection that subscribes can do nothing else
  return {
    client,
    // Live copies: what is published while nobody listens is not heard. A stream of the same name keeps every message.
    listen: (topic, handle) => live.subscribe(topic, bytes => handle(unpack(bytes)), true),
    // Two ways to propose, with the same effect: on the channel, or, durable from the start, onto the stream.
    publish: order => client.publish(PROPOSED, pack(order)),
    append: order => client.xAdd(PROPOSED, '*', { m: pack(order) }),
    close: () => Promise.all([live.close(), client.close()]),
  }
}
