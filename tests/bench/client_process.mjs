// A bot in Node, in a process of its own; see client_process.py.
//
//   node client_process.mjs URL FOLDER_OF_THE_CLIENT
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [url, folder] = process.argv.slice(2)
const { Gate } = await import(pathToFileURL(`${folder}/index.js`))
const { createClient } = createRequire(`${folder}/index.js`)('redis')
const server = await createClient({ url }).connect()
const gate = new Gate(url)

async function echo(count) {
  const body = 'x'.repeat(200)
  const took = []
  const [last] = await server.xRevRange('echo:out', '+', '-', { COUNT: 1 })
  let cursor = last?.id ?? '0'
  for (let number = 0; number < count; number += 1) {
    const started = performance.now()
    await server.xAdd('echo:in', '*', { m: body })
    const [{ messages }] = await server.xRead({ key: 'echo:out', id: cursor }, { BLOCK: 2_000, COUNT: 1 })
    took.push((performance.now() - started) * 1e3)
    cursor = messages.at(-1).id
  }
  return took
}

async function propose(count, name) {
  const took = []
  for (let number = 0; number < count; number += 1) {
    const symbol = `C${String(number % 38).padStart(4, '0')}/USDT`
    const started = performance.now()
    const verdict = await gate.propose({ symbol, side: 'buy', quantity: '0.01', stopPrice: '95', id: `${name}-${number}` })
    took.push((performance.now() - started) * 1e3)
    if (!verdict.known) throw new Error(verdict.reason)
  }
  return took
}

for await (const line of createInterface({ input: process.stdin })) {
  const [what, count, name] = line.split(' ')
  console.log(JSON.stringify(await (what === 'echo' ? echo(Number(count)) : propose(Number(count), name))))
}
process.exit(0)
