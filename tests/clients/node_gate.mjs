// The Node client at the hand of a test: a line of JSON for each call, a line of JSON for what came of it. What JSON has no
// word for is written as text: '$undefined', '$NaN', '$Infinity', and '$5n' for a BigInt.
//
//   node node_gate.mjs FOLDER_OF_THE_CLIENT URL [NAME_OF_THE_CLIENT]
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [folder, url, client = ''] = process.argv.slice(2)
const { Gate } = await import(pathToFileURL(`${folder}/index.js`))
const { pack, unpack, amount } = await import(pathToFileURL(`${folder}/wire.js`))
const { signer } = await import(pathToFileURL(`${folder}/signing.js`))
const gate = new Gate(url, { strategy: 'mine', client })

const more = {
  open: async (...given) => (await Gate.open(...given)).close(),
  take: async (topic, count, options) => {
    const found = []
    for await (const entry of gate.follow(topic, options)) if (found.push(entry) === count) break
    return found
  },
  missed: async (topic, after) => {
    try {
      await gate.follow(topic, { after }).next()
    } catch (error) {
      return error.after
    }
  },
  sign: async (stream, body, atMs) => signer()(stream, Buffer.from(body), atMs),
  amount: async given => amount('quantity', given),
  unpack: async text => unpack(Buffer.from(text, 'base64')),
  repack: async text => pack(unpack(Buffer.from(text, 'base64'))).toString('base64'),
  end: async () => process.exit(0),
}

const odd = { $undefined: undefined, $NaN: NaN, $Infinity: Infinity }
const read = given => {
  if (typeof given === 'string' && /^\$[0-9]+n$/.test(given)) return BigInt(given.slice(1, -1))
  if (typeof given === 'string') return given in odd ? odd[given] : given
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return given
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, read(value)]))
}

const written = (_, value) => {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Map ? Object.fromEntries(value) : value
}

for await (const line of createInterface({ input: process.stdin })) {
  const { number, method, given } = JSON.parse(line)
  const call = more[method] ?? ((...each) => gate[method](...each))
  call(...given.map(read)).then(
    result => console.log(JSON.stringify({ number, result }, written)),
    error => console.log(JSON.stringify({ number, error: error.constructor.name, reason: error.message })),
  )
}
