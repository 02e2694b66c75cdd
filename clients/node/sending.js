// A message on its way, and the answer to it.
//
// Before anything is sent, the end of the stream of answers is noted, and whatever stands behind that point is read. So
// no answer can come too early, and none is lost with a connection. What was sent may be sent again at any time, for one
// id gets one answer that counts. The channels are not used at all.
import { LostError, sleep } from './connections.js'
import { normal, pack, unpack } from './wire.js'

const BLOCK_MS = 1_000 // of one read; below the bound of a call
const PAUSE_MS = 100 // before another attempt
const REFUSALS = /^(NAME|SIZE|MALFORMED|CLIENTS|QUOTA) (.*)/s // of the functions that take what clients send
const FUNCTIONS = { proposed: 'hs_propose', reported: 'hs_report' } // into a queue of the client's own
const DONE = ['CancelDecided', 'StopApproved'] // what answers a cancel or a raised stop that is taken
const REPORTED = ['OrderPlaced', 'OrderFilled', 'OrderClosed', 'StopPlaced', 'ReportAwaited', 'ReportRefused']
const NO_RIGHT = /permission/i
const NO_FUNCTION = /function not found|unknown command|fcall/i

export const deadline = ms => {
  const end = performance.now() + ms
  return { left: () => Math.max(0, end - performance.now()) }
}

/** The function that takes what clients send on a topic; undefined where there is none. */
export const functionFor = (place, topic) => (place.missing.has(topic) ? undefined : FUNCTIONS[topic])

/** The key of the stream into which this client's messages of a topic go. */
export const standsIn = (place, topic) => (functionFor(place, topic) ? place.clientKey(topic) : place.key(topic))

/** The server did not take it, for good: nothing was written. */
export class Refused extends Error {
  constructor(code, reason) {
    super(reason)
    this.code = code
  }
}

/** The server does not let us read answers: what was sent may be decided, and we never hear how. */
class Deaf extends Error {}

export class Sending {
  arrived = 'no'
  reason = 'there was no time to send it'
  #cursor = '' // from before it was sent first
  #entry = ''

  /** place: keys, the client's name, and which functions the server does not have. */
  constructor(connections, place, message) {
    Object.assign(this, { connections, place, message, body: pack(message) })
    this.isReport = message.type.endsWith('Reported')
    this.answers = place.key(this.isReport ? 'executed' : 'decided')
  }

  /** The answer; null when none came in time. Throws Refused. */
  async run(until) {
    for (;;) {
      try {
        return await this.#attempt(until)
      } catch (error) {
        if (error instanceof Deaf) {
          this.reason = error.message
          return null
        }
        if (!(error instanceof LostError)) throw error
        this.reason = `the server did not answer: ${error.message}`
      }
      if (until.left() <= 0) return null
      await sleep(Math.min(PAUSE_MS, until.left()))
    }
  }

  async #attempt(until) {
    const stored = this.message.type === 'OrderProposed' ? [['GET', this.place.decisionKey(this.message.id)]] : []
    const [rows, kept] = await this.connections.call(['XREVRANGE', this.answers, '+', '-', 'COUNT', 1], ...stored)
    if (rows instanceof Error) throw new Refused('not_allowed', unreadable(this.place, rows))
    const end = rows.length ? rows[0][0].toString() : '0-0'
    let answer = this.#own(kept)
    if (this.#cursor && !answer) {
      this.#cursor = isBefore(end, this.#cursor) ? end : this.#cursor // another server's entries may have lower ids
      answer = await this.#read(0) // it was sent before
    }
    this.#cursor ||= end
    answer ??= await this.#send()
    while (!answer && until.left() > 0) answer = await this.#read(Math.min(BLOCK_MS, until.left()))
    return answer
  }

  async #send() {
    const before = this.arrived
    this.arrived = before === 'yes' ? 'yes' : 'maybe' // until the reply tells
    const reply = await this.#put()
    if (reply instanceof Error) {
      this.arrived = before
      const [, code, reason] = REFUSALS.exec(reply.message) ?? [null, 'not_allowed', unwritable(this.place, reply)]
      throw new Refused(code.toLowerCase(), reason)
    }
    this.arrived = 'yes'
    this.reason = this.isReport
      ? 'nobody answered in time: is the execution service running, with orders = "client" in stack.toml?'
      : 'the gate has not answered in time: is the risk service running? (heatsink status)'
    const [state, given] = Array.isArray(reply) ? reply : ['QUEUED', reply]
    if (state.toString() === 'DECIDED') return this.#own(given)
    this.#entry = given.toString()
    return null
  }

  /**
   * By the function for it, into the queue of this client; and by XADD where the server has none. But who signs has no
   * other way than its own queues.
   */
  async #put() {
    const topic = this.isReport ? 'reported' : 'proposed'
    const key = this.place.key(topic)
    const name = functionFor(this.place, topic)
    if (name) {
      const queue = this.place.clientKey(topic)
      const signed = this.place.signed(queue, this.body)
      const [reply] = await this.connections.call(['FCALL', name, 2, key, queue, this.body, ...signed])
      if (signed.length || !(reply instanceof Error && NO_FUNCTION.test(reply.message))) return reply
      this.place.missing.add(topic)
    }
    const [reply] = await this.connections.call(['XADD', key, '*', 'm', this.body])
    return reply
  }

  async #read(ms) {
    for (;;) {
      const block = ms > 0 ? ['BLOCK', Math.max(1, Math.floor(ms))] : []
      const command = ['XREAD', 'COUNT', 200, ...block, 'STREAMS', this.answers, this.#cursor]
      const [reply] = await this.connections.call(command)
      if (reply instanceof Error) throw new Deaf(unreadable(this.place, reply))
      const found = reply ? reply[0][1] : []
      for (const [id, fields] of found) {
        this.#cursor = id.toString()
        const body = bodyOf(fields)
        const names = [this.message.id, this.#entry].filter(Boolean)
        if (!names.some(name => body.includes(name))) continue // somebody else's: not worth reading
        const answer = unpack(body)
        if (answer && this.#matches(answer)) return this.#confirmed(answer)
      }
      if (!found.length || ms > 0) return null
    }
  }

  #matches(answer) {
    const { id, type } = this.message
    if (answer.type === 'OrderDecided') return type === 'OrderProposed' && answer.order_id === id && this.#isSame(answer)
    if (this.isReport) return this.#isAnswer(answer)
    if (answer.type !== 'ProposalRefused') return DONE.includes(answer.type) && answer.cause === id
    if (answer.source && answer.source !== standsIn(this.place, 'proposed')) return false // another's, perhaps under the same ids
    if (answer.entry && this.#entry) return answer.entry === this.#entry // of bytes that could not be read
    return answer.cause === id && ['', type].includes(answer.what)
  }

  /** Ids of reports follow from what they are about, so another client can use the same: it must not answer us. */
  #isAnswer(answer) {
    const { id, symbol, order_id = answer.order_id } = this.message
    if (answer.cause !== id || !REPORTED.includes(answer.type)) return false
    if (answer.type === 'ReportRefused') return ['', this.place.client].includes(answer.client ?? '')
    return answer.symbol === symbol && answer.order_id === order_id
  }

  /** That the id is another order's may be the answer to somebody else, who used it after this one. */
  async #confirmed(answer) {
    if (answer.type !== 'ProposalRefused' || answer.code !== 'other_body') return answer
    const [kept] = await this.connections.call(['GET', this.place.decisionKey(this.message.id)])
    return this.#own(kept) ?? answer
  }

  /** The verdict in bytes, if it is about this very order. */
  #own(bytes) {
    const decided = Buffer.isBuffer(bytes) ? unpack(bytes) : null
    return decided?.type === 'OrderDecided' && this.#matches(decided) ? decided : null
  }

  #isSame(decided) {
    const order = { strategy: 'external', order_type: 'market', ...this.message }
    const reduces = each => Boolean(each.reduce_only) || each.side === 'sell'
    return (
      ['symbol', 'side', 'order_type', 'strategy'].every(name => order[name] === decided[name]) &&
      ['limit_price', 'stop_price'].every(name => normal(order[name]) === normal(decided[name])) &&
      normal(order.quantity) === normal(decided.quantity_requested) &&
      ['', this.place.client].includes(decided.client ?? '') && // another's, where clients have bounds
      reduces(order) === reduces(decided)
    )
  }
}

/** Why the server does not show what it has of this portfolio, with the remedy. */
export function unreadable(place, error) {
  if (!NO_RIGHT.test(error.message)) return `the server refuses to tell: ${error.message}`
  return `the user in the address may not read portfolio '${place.portfolio}': ${error.message}. Give its own portfolio, or another address: heatsink url prints it`
}

function unwritable(place, error) {
  if (!NO_RIGHT.test(error.message)) return error.message
  return `the user in the address may not write as client '${place.client}': ${error.message}`
}

export function bodyOf(fields) {
  for (let at = 0; at < fields.length; at += 2) if (fields[at].toString() === 'm') return fields[at + 1]
  return Buffer.alloc(0)
}

export function isBefore(one, other) {
  const [a, b] = [one, other].map(id => id.split('-').map(BigInt))
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
}
