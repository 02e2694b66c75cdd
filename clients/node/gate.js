// The gate for a bot in JavaScript. What each method does is told in index.d.ts.
import { createHash, randomBytes } from 'node:crypto'
import * as answers from './answers.js'
import { Connections, LostError, sleep } from './connections.js'
import { TOPICS } from './messages.js'
import { bodyOf, deadline, functionFor, isBefore, Refused, Sending, standsIn, unreadable } from './sending.js'
import { signer } from './signing.js'
import { amount, milliseconds, nanoseconds, pack, unpack, UnwritableError } from './wire.js'
import { decode } from '@msgpack/msgpack'

const PAGE = 1_000
const PAGES = 20
const PAUSE_MS = 100
const TRY_MS = 1_000 // for one answer on a channel, which may be lost
const SNAPSHOT_MS = 10_000 // a risk service that works gives one out every second

/** The gate's state is not known. Whoever catches it must not trade on. */
export class GateError extends Error {}
/** Entries of a stream are gone that were not read; go on with all that follows `after`. */
export class MissedError extends GateError {}

export class Gate {
  #connections
  #place
  #strategy
  #timeout

  constructor(url = 'redis://127.0.0.1:6390/0', { portfolio = 'main', client = '', strategy = 'external', timeout, key } = {}) {
    this.#connections = new Connections(url)
    this.#timeout = orGateError(() => milliseconds('timeout', timeout, 5_000))
    const home = `hs:{${portfolio}}`
    this.#place = {
      portfolio,
      home,
      missing: new Set(), // topics for which the server has no function to take them; found out by trying
      client: client || clientIn(url),
      clientKey: topic => TOPICS[topic].clientKey.replace('{P}', `{${portfolio}}`).replace('<client>', client || clientIn(url)),
      signed: orGateError(() => signer(key)),
      key: topic => TOPICS[topic].key.replace('{P}', `{${portfolio}}`),
      decisionKey: id => `${home}:decision:${id}`,
    }
    this.#strategy = strategy
  }

  static async open(url, options) {
    const gate = new Gate(url, options)
    try {
      await gate.#check()
    } catch (error) {
      await gate.close()
      throw error
    }
    return gate
  }

  async close() {
    this.#connections.close()
  }

  async [Symbol.asyncDispose]() {
    await this.close()
  }

  // --- proposals -----------------------------------------------------------------------------------------------------

  async propose({ symbol, side, quantity, because, timeout, ...more }) {
    const id = more.id || newId('order')
    try {
      const limitPrice = amount('limitPrice', more.limitPrice)
      const order = {
        type: 'OrderProposed',
        id,
        ...ledBy(because),
        symbol,
        side,
        quantity: required('quantity', quantity),
        stop_price: amount('stopPrice', more.stopPrice),
        limit_price: limitPrice,
        order_type: limitPrice === null ? 'market' : 'limit',
        strategy: more.strategy || this.#strategy,
        reduce_only: more.reduceOnly ?? false,
        expires_ns: nanoseconds('expiresNs', more.expiresNs),
      }
      const until = this.#until(timeout)
      const sending = new Sending(this.#connections, this.#place, order)
      const answer = await sending.run(until)
      if (!answer) return answers.unknownVerdict(id, symbol, sending.arrived, sending.reason)
      if (answer.type === 'OrderDecided') return answers.decidedVerdict(answer)
      return answers.refusedVerdict(id, symbol, answer)
    } catch (error) {
      return answers.refusedVerdict(id, symbol, faultOf(error))
    }
  }

  async cancel(orderId, { reason = '', timeout } = {}) {
    return this.#ask(newId('cancel'), timeout, () => ({ type: 'CancelProposed', time_ns: 0n, order_id: orderId, reason }))
  }

  async raiseStop(symbol, stopPrice, { because, timeout } = {}) {
    return this.#ask(newId('raise'), timeout, () => ({
      type: 'StopRaised', ...ledBy(because), symbol, stop_price: required('stopPrice', stopPrice),
    }))
  }

  async verdictOf(orderId, { timeout } = {}) {
    return this.#patiently(orGateError(() => milliseconds('timeout', timeout, this.#timeout)), async () => {
      // A cancel that came too early was refused under the id of the order that it meant, which may be decided yet.
      // So may this client's order be where another one's was refused under its id.
      const isOwn = each => ['', standsIn(this.#place, 'proposed')].includes(each.source)
      const isAboutOrder = each => isOwn(each) && each.order_id === orderId && ['OrderProposed', ''].includes(each.what)
      const waiting = new Map([
        ...(await this.#latestEntry(this.#place.key('proposed'), orderId)),
        ...(await this.#latestEntry(this.#place.clientKey('proposed'), orderId).catch(lostOr([]))), // perhaps not this user's
      ])
      const [kept] = await this.#must(['GET', this.#place.decisionKey(orderId)])
      const decided = kept && unpack(kept)
      if (decided && !['', this.#place.client].includes(decided.client ?? '')) { // its quantity is another's to trade
        const reason = `order ${orderId} is one of client ${decided.client}: propose under another id`
        return answers.refusedVerdict(orderId, decided.symbol, { code: 'other_body', field: 'client', reason })
      }
      if (decided) return answers.decidedVerdict(decided)
      const told = await this.#back(this.#place.key('decided'), orderId)
      const refused = told.find(each => each.type === 'ProposalRefused' && isAboutOrder(each))
      const wasSentAgain = refused?.entry && isBefore(refused.entry, waiting.get(refused.source) ?? '0-0')
      if (refused && !wasSentAgain) return answers.refusedVerdict(orderId, refused.symbol, refused)
      if (waiting.size) return answers.unknownVerdict(orderId, '', 'yes', 'it is proposed, and not decided yet: ask again in a moment')
      return answers.unknownVerdict(orderId, '', 'no', 'the server knows no such order: you may propose it under this id')
    })
  }

  // --- reports, of a bot that executes by itself ----------------------------------------------------------------------

  async reportPlaced({ orderId, symbol, quantity, price, venueOrderId = '', timeNs, timeout }) {
    return this.#ask(sameId('placed', orderId, venueOrderId), timeout, () => ({
      type: 'PlacedReported', time_ns: nanoseconds('timeNs', timeNs), symbol, order_id: orderId,
      quantity: required('quantity', quantity), price: amount('price', price), venue_order_id: venueOrderId,
    }))
  }

  async reportFill({ orderId, symbol, side, tradeId, quantity, price, feeUsdt, liquidity = 'taker', stop = false, timeNs, timeout }) {
    return this.#ask(sameId('fill', orderId, tradeId), timeout, () => ({
      type: 'FillReported', time_ns: nanoseconds('timeNs', timeNs), symbol, order_id: orderId,
      trade_id: tradeId, side, quantity: required('quantity', quantity), price: required('price', price),
      fee_usdt: required('feeUsdt', feeUsdt), liquidity, stop,
    }))
  }

  async reportClosed({ orderId, symbol, ending, quantityFilled, reason = '', timeNs, timeout }) {
    return this.#ask(sameId('closed', orderId), timeout, () => ({
      type: 'ClosedReported', time_ns: nanoseconds('timeNs', timeNs), symbol, order_id: orderId, ending,
      quantity_filled: required('quantityFilled', quantityFilled), reason,
    }))
  }

  async reportStop({ symbol, stopPrice, quantity, working = true, venueOrderId = '', timeNs, timeout }) {
    return this.#ask(newId('stop'), timeout, () => ({
      type: 'StopReported', time_ns: nanoseconds('timeNs', timeNs), symbol, stop_price: required('stopPrice', stopPrice),
      quantity: required('quantity', quantity), working, venue_order_id: venueOrderId,
    }))
  }

  // --- questions -----------------------------------------------------------------------------------------------------

  async room(symbol, { stopPrice, limitPrice, strategy, timeout } = {}) {
    let reason = 'there was no time to ask'
    let question
    let until
    try {
      until = this.#until(timeout)
      const asking = functionFor(this.#place, 'proposed') ? this.#place.client : '' // within whose bounds
      const amounts = { stop_price: amount('stopPrice', stopPrice), limit_price: amount('limitPrice', limitPrice) }
      question = { symbol, strategy: strategy || this.#strategy, client: asking, ...amounts }
    } catch (error) {
      return answers.roomLeft(symbol, null, error.message, 'malformed')
    }
    while (until.left() > 0) {
      try {
        reason = 'nobody answered: is the risk service running? (heatsink status)'
        const answered = await this.#askRoom(question, Math.min(TRY_MS, until.left()))
        if (answered) return answers.roomLeft(symbol, answered.rooms[0] ?? { quantity: '0', reason: answered.reason, code: 'missing', ceilings: [] })
      } catch (error) {
        if (!(error instanceof LostError)) return answers.roomLeft(symbol, null, error.message)
        reason = `the server did not answer: ${error.message}`
      }
      await sleep(Math.min(PAUSE_MS, until.left()))
    }
    return answers.roomLeft(symbol, null, reason)
  }

  async sizes({ timeframe = '' } = {}) {
    return this.#patiently(this.#timeout, async () => {
      const found = new Map()
      for (const size of await this.#back(this.#place.key('sizes'))) {
        if (size.type !== 'PositionSized') continue
        if (['', size.timeframe].includes(timeframe) && !found.has(size.symbol)) found.set(size.symbol, size)
      }
      return found
    })
  }

  async portfolio({ maxAge } = {}) {
    const most = orGateError(() => milliseconds('maxAge', maxAge, SNAPSHOT_MS))
    return this.#patiently(this.#timeout, async () => {
      const [rows, now] = await this.#connections.call(['XREVRANGE', this.#place.key('portfolio'), '+', '-', 'COUNT', 1], ['TIME'])
      if (rows instanceof Error) throw new GateError(unreadable(this.#place, rows))
      const snapshot = rows.length ? unpack(bodyOf(rows[0][1])) : null
      if (snapshot?.type !== 'PortfolioMarked') throw new GateError(`portfolio ${this.#place.portfolio} has no snapshot yet: is the risk service running?`)
      const nowMs = now instanceof Error ? Date.now() : Number(now[0]) * 1_000 + Number(now[1]) / 1_000
      const age = nowMs - Number(rows[0][0].toString().split('-')[0])
      if (age > most) throw new GateError(`the last snapshot is ${Math.round(age / 1_000)} s old: the risk service is not running (heatsink status)`)
      return snapshot
    })
  }

  async halts({ maxAge } = {}) {
    await this.portfolio({ maxAge })
    return this.#patiently(this.#timeout, async () => {
      const last = new Map() // newest first: the last word on each halt counts
      for (const each of await this.#back(this.#place.key('halts'))) {
        if (!['Halted', 'Resumed'].includes(each.type)) continue
        const scope = scopeOf(each)
        if (!last.has(scope)) last.set(scope, each)
      }
      return [...last.values()].filter(each => each.type === 'Halted').sort((a, b) => (scopeOf(a) < scopeOf(b) ? -1 : 1))
    })
  }

  async marketNs({ inMs } = {}) {
    const ahead = orGateError(() => milliseconds('inMs', inMs, 0))
    return this.#patiently(this.#timeout, async () => {
      const [body] = await this.#must(['GET', 'hs:clock'])
      if (!body) throw new GateError('there is no market yet: is market_data running?')
      const origin = decode(body, { useBigInt64: true })
      const begins = BigInt(origin.begins_wall_ns ?? 0)
      const wall = BigInt(Date.now()) * 1_000_000n
      const passed = Number(wall - (begins || BigInt(origin.origin_wall_ns)))
      const gone = ((begins ? Math.max(0, passed) : passed) + ahead * 1e6) * origin.speed
      return BigInt(origin.origin_market_ns) + BigInt(Math.trunc(gone))
    })
  }

  // --- streams -------------------------------------------------------------------------------------------------------

  async *follow(topic, { after: from, patience } = {}) {
    const after = from ?? 'now'
    const waits = orGateError(() => milliseconds('patience', patience, 30_000))
    const [name, timeframe = ''] = topic.split(':')
    if (!TOPICS[name]?.durable || (name === 'bars') !== Boolean(timeframe)) {
      throw new GateError(`there is no stream '${topic}'; there are ${Object.keys(TOPICS).filter(each => TOPICS[each].durable)}`)
    }
    const key = standsIn(this.#place, name).replace('<timeframe>', timeframe) // every client has queues of its own
    let cursor = after === 'start' ? '0-0' : after
    if (after === 'now') cursor = await this.#patiently(this.#timeout, async () => idOf((await this.#must(['XREVRANGE', key, '+', '-', 'COUNT', 1]))[0]))
    for (;;) {
      const found = await this.#patiently(waits, () => this.#readAfter(key, cursor))
      for (const [id, fields] of found) {
        cursor = id.toString()
        const message = unpack(bodyOf(fields))
        if (message) yield { id: cursor, message }
      }
    }
  }

  async #readAfter(key, cursor) {
    if (cursor !== '0-0') {
      const [oldest, newest] = (await this.#must(['XRANGE', key, '-', '+', 'COUNT', 1], ['XREVRANGE', key, '+', '-', 'COUNT', 1])).map(idOf)
      if (isBefore(cursor, oldest)) {
        const text = `entries of ${key} after ${cursor} are no longer kept; the oldest is ${oldest}`
        throw Object.assign(new MissedError(text), { after: '0-0' }) // all that is kept follows what is gone
      }
      if (isBefore(newest, cursor)) {
        throw Object.assign(new MissedError(`${key} ends at ${newest}, before ${cursor}: this server holds other data`), { after: newest })
      }
    }
    const [reply] = await this.#must(['XREAD', 'COUNT', 200, 'BLOCK', 1_000, 'STREAMS', key, cursor])
    return reply ? reply[0][1] : []
  }

  // --- what they have in common ----------------------------------------------------------------------------------------

  async #ask(id, timeout, make) {
    try {
      const until = this.#until(timeout)
      const sending = new Sending(this.#connections, this.#place, { ...make(), id })
      const answer = await sending.run(until)
      return answer ? answers.answerOf(id, answer) : answers.unknownAnswer(id, sending.arrived, sending.reason)
    } catch (error) {
      return answers.refusedAnswer(id, faultOf(error))
    }
  }

  #until(timeout) {
    return deadline(milliseconds('timeout', timeout, this.#timeout))
  }

  /** It listens first, and asks then. */
  async #askRoom(question, ms) {
    const name = randomBytes(8).toString('hex')
    const asked = { type: 'RoomAsked', id: `ask-${name}`, time_ns: 0, reply_to: `hs:reply:${name}`, ...question }
    return this.#connections.listening(asked.reply_to, async next => {
      const [listeners] = await this.#connections.call(['PUBLISH', this.#place.key('ask'), pack(asked)])
      if (listeners instanceof Error) throw new LostError(listeners.message)
      const until = deadline(ms)
      while (listeners && until.left() > 0) {
        const answered = unpack((await next(until.left())) ?? Buffer.alloc(0))
        if (answered?.type === 'RoomAnswered' && answered.cause === asked.id) return answered
      }
      return null
    })
  }

  async #check() {
    const { home, portfolio } = this.#place
    const keys = ['hs:identity', this.#place.key('portfolio'), this.#place.key('decided'), `${home}:services`]
    const read = ['XREAD', 'COUNT', 1, 'STREAMS', this.#place.key('decided'), '$'] // as answers are read later on
    const [identity, ...found] = await this.#patiently(this.#timeout, () => this.#must(...keys.map(key => ['EXISTS', key]), read))
    if (!identity) throw new GateError('this server holds no heatsink: start one with make run, or give another address')
    if (!found.some(Boolean)) throw new GateError(`there is no portfolio '${portfolio}' on this server: give its name`)
  }

  /** What is named on a stream, newest first, of its latest 20,000 entries. */
  /** The stream and the entry where an order stands there for the last time. */
  async #latestEntry(key, orderId) {
    const found = (await this.#entriesBack(key, orderId)).find(([, each]) => each.type === 'OrderProposed' && each.id === orderId)
    return found ? [[key, found[0]]] : []
  }

  async #back(key, naming = '') {
    return (await this.#entriesBack(key, naming)).map(([, message]) => message)
  }

  async #entriesBack(key, naming) {
    const found = []
    let before = '+'
    for (let page = 0; page < PAGES; page += 1) {
      const [rows] = await this.#must(['XREVRANGE', key, before, '-', 'COUNT', PAGE])
      for (const [entry, fields] of rows) {
        const body = bodyOf(fields)
        const message = body.includes(naming) ? unpack(body) : null
        if (message) found.push([String(entry), message])
      }
      if (rows.length < PAGE) break
      before = `(${rows.at(-1)[0]}`
    }
    return found
  }

  async #must(...commands) {
    const replies = await this.#connections.call(...commands)
    const refused = replies.find(reply => reply instanceof Error)
    if (refused) throw new GateError(unreadable(this.#place, refused))
    return replies
  }

  async #patiently(ms, run) {
    const until = deadline(ms)
    for (;;) {
      try {
        return await run()
      } catch (error) {
        if (!(error instanceof LostError)) throw error
        if (until.left() <= 0) throw new GateError(`the server did not answer within ${ms / 1_000} s: ${error.message}`)
      }
      await sleep(Math.min(PAUSE_MS, until.left()))
    }
  }
}

function required(field, given) {
  const text = amount(field, given)
  if (text === null) throw new UnwritableError(field, "it is missing: give a number, or text such as '0.25'")
  return text
}

function faultOf(error) {
  if (error instanceof UnwritableError) return { code: 'malformed', field: error.field, reason: error.reason }
  if (error instanceof Refused) return { code: error.code, field: '$', reason: error.message }
  throw error
}

const lostOr = value => error => {
  if (error instanceof LostError) throw error
  return value
}

function ledBy(because) {
  if (!because) return { time_ns: 0n }
  return { time_ns: because.time_ns, cause: because.id, trace: because.trace || because.id }
}

const scopeOf = halt => JSON.stringify([halt.symbol, halt.trigger])
const newId = what => `${what}-${randomBytes(10).toString('hex')}`
const idOf = rows => (rows.length ? rows[0][0].toString() : '0-0')

/** The same for the same thing, so that whoever reports it again says the same. */
function sameId(what, ...about) {
  return `${what}-${createHash('sha256').update(about.join('\x1f')).digest('hex').slice(0, 20)}`
}

/** The client whose user the address signs in: ana for main.client.ana. */
function clientIn(url) {
  const user = URL.canParse(url) ? decodeURIComponent(new URL(url).username) : ''
  return /^[a-z0-9_-]+\.client\.([a-z0-9][a-z0-9_-]*)$/.exec(user)?.[1] ?? 'client'
}

function orGateError(make) {
  try {
    return make()
  } catch (error) {
    throw new GateError(error.message)
  }
}
