// heatsink's gate for bots in JavaScript and TypeScript: propose an order, get a verdict, trade what it allows.
import type {
  CeilingReport, Halted, Message, OrderClosed, OrderDecided, PortfolioMarked, PositionSized,
} from './messages.js'

/** A number is taken by its shortest text; text such as '0.25' is exact. */
export type Amount = string | number | bigint
/** What may be left out: undefined and null are the same as not given, and anything else that it cannot be is refused. */
export type Maybe<T> = T | null | undefined
/** Whether what was sent reached the server: `no` is certain, and so is `yes`. */
export type Arrived = 'no' | 'maybe' | 'yes'

/** What the gate says to one order. Only what is `approved` may be traded. */
export interface Verdict {
  readonly orderId: string
  /**
   * `approve`, `trim` (a part of it) or `reject` by a rule; `refused` when it was no order that could be decided, or its
   * id is another order's; `unknown` when no answer came in time. Unknown is not rejected: ask `verdictOf` before you do
   * anything else in the pair, or propose once more under the same id.
   */
  readonly verdict: 'approve' | 'trim' | 'reject' | 'refused' | 'unknown'
  /** Whether something was approved. */
  readonly approved: boolean
  /** Whether the gate has answered. */
  readonly known: boolean
  /** Base units that may be traded now; '0' unless something was approved. */
  readonly quantity: string
  readonly requested: string
  readonly symbol: string
  readonly side: string
  readonly stopPrice: string | null
  /** The rule that set the verdict. */
  readonly binding: string
  /** Why not all of it, for people; `code` says the same in one word, `field` what was wrong with the order. */
  readonly reason: string
  readonly code: string
  readonly field: string
  readonly arrived: Arrived
  /** The gate's message with all ceilings, when there is a verdict. */
  readonly decided: OrderDecided | null
}

/** What became of a cancel, a raised stop or a report. Of what is unknown, do it once more. */
export interface Answer {
  readonly id: string
  readonly outcome: 'taken' | 'refused' | 'unknown'
  readonly taken: boolean
  readonly known: boolean
  readonly reason: string
  readonly code: string
  readonly field: string
  readonly arrived: Arrived
  readonly message: Message | null
}

/** The largest purchase that would be approved now; `open` when there is room, not `known` when nobody answered. */
export interface RoomLeft {
  readonly symbol: string
  readonly quantity: string
  readonly notionalUsdt: number
  readonly stopPrice: string | null
  readonly price: number
  readonly binding: string
  readonly reason: string
  readonly code: string
  readonly ceilings: CeilingReport[]
  readonly open: boolean
  readonly known: boolean
}

export interface Entry { id: string; message: Message }

/** Milliseconds for the answer. */
export interface Patience { timeout?: Maybe<number> }

export interface Order extends Patience {
  symbol: string
  side: 'buy' | 'sell'
  /** Base units. */
  quantity: Amount
  /** Required to buy, below the price, in whole ticks. */
  stopPrice?: Maybe<Amount>
  /** Makes it a limit order. */
  limitPrice?: Maybe<Amount>
  /**
   * Up to 36 of `A-Z a-z 0-9 - _`. One id gets one verdict, however often it is proposed. Give one that follows from what
   * led to the order: then a bot that was killed may propose again what it does not know the verdict of.
   */
  id?: string
  strategy?: string
  reduceOnly?: boolean
  /** Market time after which it is not approved any more, nor open; see `marketNs`. */
  expiresNs?: Maybe<bigint>
  /** The message that led to it, such as a size: it lends the order its time, cause and trace. */
  because?: { id: string; trace: string; time_ns: bigint }
}

export interface Report extends Patience { symbol: string; /** Market time; left out where it is not known. */ timeNs?: Maybe<bigint> }

export interface Options {
  portfolio?: string
  client?: string
  strategy?: string
  /** Milliseconds for an answer; a server that does not answer at all may add two seconds. */
  timeout?: Maybe<number>
  /**
   * The file with the key that this client signs with, where it has to (`[clients.NAME] signed`); left out, what
   * `HEATSINK_CLIENT_KEY` names. It is read once.
   */
  key?: string
}

/** The gate's state is not known. Whoever catches it must not trade on. */
export declare class GateError extends Error {}

/** Entries of a stream are gone that were not read. Read the state anew, and go on with all that follows `after`. */
export declare class MissedError extends GateError { after: string }

/**
 * heatsink, before an exchange. It fails closed: whatever is rejected, refused or unknown is not `approved`. Proposals,
 * `room` and reports return an answer whatever happens to the server; what tells the state throws `GateError` when it is
 * not known, so that no halt is taken for none.
 */
export declare class Gate {
  /** Throws `GateError` where the key cannot be read. */
  constructor(url?: string, options?: Options)
  /** The same, after a look whether there is such a gate. Throws `GateError`. */
  static open(url?: string, options?: Options): Promise<Gate>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>

  propose(order: Order): Promise<Verdict>
  cancel(orderId: string, options?: Patience & { reason?: string }): Promise<Answer>
  /** A lower stop is refused. */
  raiseStop(symbol: string, stopPrice: Amount, options?: Patience & { because?: Order['because'] }): Promise<Answer>
  /** What became of an order of the last 30 days. Unknown with `arrived` 'no': it may be proposed under this id. */
  verdictOf(orderId: string, options?: Patience): Promise<Verdict>

  /** Reports are for `orders = "client"` in stack.toml. Each may be repeated: nothing is booked twice. */
  reportPlaced(report: Report & { orderId: string; quantity: Amount; price?: Maybe<Amount>; venueOrderId?: string }): Promise<Answer>
  reportFill(report: Report & {
    orderId: string; side: 'buy' | 'sell'; tradeId: string; quantity: Amount; price: Amount; feeUsdt: Amount
    liquidity?: 'maker' | 'taker'; stop?: boolean
  }): Promise<Answer>
  reportClosed(report: Report & {
    orderId: string; ending: OrderClosed['ending']; quantityFilled: Amount; reason?: string
  }): Promise<Answer>
  reportStop(report: Report & { stopPrice: Amount; quantity: Amount; working?: boolean; venueOrderId?: string }): Promise<Answer>

  /** The largest purchase that would be approved now, by the same rules. It reserves nothing. */
  room(symbol: string, options?: Patience & { stopPrice?: Maybe<Amount>; limitPrice?: Maybe<Amount>; strategy?: string }): Promise<RoomLeft>
  /** The newest size of a full position, by pair. */
  sizes(options?: { timeframe?: string }): Promise<Map<string, PositionSized>>
  /** Throws `GateError` when the newest snapshot is older than `maxAge` milliseconds. */
  portfolio(options?: { maxAge?: Maybe<number> }): Promise<PortfolioMarked>
  /** The halts in force; those of the whole portfolio, whose `symbol` is empty, first. */
  halts(options?: { maxAge?: Maybe<number> }): Promise<Halted[]>
  /** Market time now, or in so many milliseconds of this machine's clock. */
  marketNs(options?: { inMs?: Maybe<number> }): Promise<bigint>
  /**
   * The entries of a stream, for ever: 'decided', 'executed', 'halts', 'bars:1h', ...; 'proposed' are your own.
   * after: 'now', 'start', or the id of the last entry that was handled.
   * patience: milliseconds for which a server may be away.
   */
  follow(topic: string, options?: { after?: Maybe<string>; patience?: Maybe<number> }): AsyncGenerator<Entry>
}
