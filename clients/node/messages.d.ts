// Every message on the wire, and the keys of all topics. Written by `make client-messages`: do not edit.
// Amounts are decimal strings, estimates are numbers, nanoseconds are bigints.

/** A stream and the channel of the same name. `{P}` stands for the portfolio, `<timeframe>` for a bar's. */
export interface Topic { key: string; durable: boolean; clientKey?: string }

export declare const TOPICS: Record<string, Topic>

/** What reading a type takes: its nanoseconds, its parts, and the defaults of what an older writer left out. */
export interface Kind { nanoseconds: string[]; parts: Record<string, string>; defaults: Record<string, unknown> }

export declare const KINDS: Record<string, Kind>

/**
 * One rule's answer: the largest quantity it would allow, and the figures behind it.
 *
 * rule: its name, as in `docs/reference.md`.
 * quantity: base units, an estimate; 1e18 stands for "no ceiling".
 * limit, used, headroom: in `unit`; headroom is limit - used.
 * unit: `USDT`, `base`, `seconds`, `orders`, `fraction`, or empty for a plain gate.
 * reason: why the gate is closed, for people, when quantity is 0 because something was missing or wrong.
 * code: a `Finding`; empty in a report from before codes were kept.
 */
export interface CeilingReport {
  rule: string
  quantity: number
  limit: number
  used: number
  headroom: number
  unit: string
  reason: string
  code: string
}

/**
 * What was left of an order, and the least that the exchange takes of the pair, which it falls short of.
 *
 * quantity: base units, in whole lots where there is one. min_quantity: base units. min_notional_usdt: USDT.
 * filter: the exchange's filter that it misses, `LOT_SIZE` or `NOTIONAL`; empty from before that was kept.
 * least: base units that would pass; 0 from before that was kept.
 * worth_usdt: of the quantity, at the order's own price, USDT; 0 where that is not known.
 */
export interface Shortfall {
  quantity: string
  min_quantity: string
  min_notional_usdt: string
  filter: string
  least: string
  worth_usdt: string
}

/**
 * One position in a snapshot.
 *
 * quantity: base units.
 * mark: USDT per unit.
 * stop: USDT per unit; None without one, and then the whole notional counts as risk.
 * open_risk_usdt: quantity x max(0, mark - stop), and the cost of getting out.
 * notional_usdt: quantity x mark; 0 for one of the `unpriced`.
 */
export interface PositionMarked {
  symbol: string
  sector: string
  quantity: string
  mark: number
  stop: string | null
  open_risk_usdt: number
  notional_usdt: number
}

/**
 * One position that came in.
 *
 * quantity: base units. cost, stop, mark: USDT per unit.
 */
export interface BookedPosition {
  symbol: string
  quantity: string
  cost: string
  stop: string
  mark: number
}

/**
 * What is held of a pair already, outside of the books.
 *
 * quantity: base units.
 * cost: what a unit was bought for on average, USDT; None for the price at the import.
 * stop: USDT per unit; None for the stop of a new entry, by its ATR.
 */
export interface PositionToImport {
  symbol: string
  quantity: string
  cost: string | null
  stop: string | null
}

/**
 * The largest buy of one pair that would be approved now.
 *
 * quantity: base units, in whole lots.
 * notional_usdt: quantity x price.
 * stop_price: of the order, USDT per unit; None when nobody can say where it would be.
 * binding: the rule that sets the quantity.
 * ceilings: all of them when one pair was asked for, the binding one otherwise.
 * price: USDT per unit that it was computed with; 0 when unknown.
 * code, shortfall: as in `OrderDecided`.
 */
export interface Room {
  symbol: string
  quantity: string
  notional_usdt: number
  stop_price: string | null
  binding: string
  reason: string
  ceilings: CeilingReport[]
  price: number
  code: string
  shortfall: Shortfall | null
}

/**
 * One position as it would be booked.
 *
 * quantity: base units.
 * cost: USDT per unit; 0 when unknown.
 * mark: USDT per unit; 0 when unknown.
 * stop: USDT per unit; None when nobody can say where it would be.
 * notional_usdt: quantity x mark.
 * open_risk_usdt: quantity x (mark - stop), and the cost of getting out.
 * fault: why it does not fit, for people: field, value and remedy; empty when it does.
 */
export interface ImportRow {
  symbol: string
  quantity: string
  cost: string
  mark: number
  stop: string | null
  notional_usdt: number
  open_risk_usdt: number
  fault: string
}

/**
 * One finished bar. Of each pair and timeframe every bar comes once, in order of `open_time_ns`.
 *
 * open, high, low, close: USDT per unit of base.
 * volume: base units.
 * quote_volume: USDT.
 * trades: number of trades; 0 when the source does not tell.
 * backfilled: whether it came by REST (as history, or to fill a gap) and not from the stream.
 * hole_before: how many bars are missing at the exchange itself between the last published bar and this one.
 */
export interface BarClosed {
  type: 'BarClosed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  timeframe: string
  open_time_ns: bigint
  close_time_ns: bigint
  open: number
  high: number
  low: number
  close: number
  volume: number
  quote_volume: number
  trades: number
  backfilled: boolean
  hole_before: number
}

/**
 * The price at which a position is valued: the mid of best bid and ask, or the last price where there is no book.
 *
 * price: USDT per unit of base.
 * bid, ask: the best ones, USDT per unit of base; 0 when there is no book.
 */
export interface MarkChanged {
  type: 'MarkChanged'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  price: number
  bid: number
  ask: number
}

/**
 * The order book of a pair at one moment, and what it costs to trade a certain size in it.
 *
 * bids, asks: (price, quantity) from the best one outwards; outer levels are summed up, each sum at its worst price.
 * size_usdt: the size that spreads are given for.
 * spread: (ask VWAP - bid VWAP) / mid at that size, a fraction; None when the book is too thin for it.
 * median_spread: the median of the pair's last samples; None when half of them or more were too thin.
 * samples: how many samples that median is of.
 */
export interface BookSampled {
  type: 'BookSampled'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  bids: [number, number][]
  asks: [number, number][]
  size_usdt: number
  spread: number | null
  median_spread: number | null
  samples: number
}

/**
 * What the exchange says of a pair: whether it trades, and the filters that its orders must pass.
 *
 * price_step: the tick, USDT per unit.
 * quantity_step: the lot size, base units.
 * min_quantity, max_quantity: of one order, base units; a maximum of 0 means none.
 * min_notional: of one order, USDT.
 * formerly: the pair's former symbol, when it was renamed.
 * ratio: new units for each old one, when it was renamed.
 * reason: why the pair is off, for people; empty while it trades.
 *
 * In what follows 0 means that the exchange has no such filter, or did not state it.
 *
 * min_price, max_price: of an order's limit and stop, USDT per unit.
 * market_quantity_step, market_min_quantity, market_max_quantity: of an order at the market, beside those above.
 * max_notional: of one order, USDT.
 * min_notional_at_market, max_notional_at_market: whether these two hold for orders at the market as well.
 * bid_multiplier_up, bid_multiplier_down: how far from the exchange's average price a buy's limit may be, as factors.
 * ask_multiplier_up, ask_multiplier_down: the same of a sell, and of a protective stop.
 */
export interface PairListed {
  type: 'PairListed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  status: 'trading' | 'halted' | 'delisted' | 'renamed' | 'unlisted'
  price_step: string
  quantity_step: string
  min_quantity: string
  max_quantity: string
  min_notional: string
  formerly: string
  ratio: string
  reason: string
  min_price: string
  max_price: string
  market_quantity_step: string
  market_min_quantity: string
  market_max_quantity: string
  max_notional: string
  min_notional_at_market: boolean
  max_notional_at_market: boolean
  bid_multiplier_up: string
  bid_multiplier_down: string
  ask_multiplier_up: string
  ask_multiplier_down: string
}

/**
 * A feed went quiet or broke, or is not there yet.
 *
 * feed: `bars:<timeframe>`, `marks`, `listing` (what the exchange says of the pair), `books`, or
 *     `connection`.
 * symbol: the pair; empty when the whole connection is meant.
 * last_seen_ns: market time of its last frame; 0 when it was never heard, so that nothing was lost.
 */
export interface FeedLost {
  type: 'FeedLost'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  feed: string
  symbol: string
  last_seen_ns: bigint
  reason: string
}

/**
 * A lost feed is fresh and free of gaps again.
 *
 * feed, symbol: as in `FeedLost`.
 * outage_ns: how long it was away, market time.
 */
export interface FeedRestored {
  type: 'FeedRestored'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  feed: string
  symbol: string
  outage_ns: bigint
}

/**
 * What a strategy wants of one pair. It holds until the strategy's next signal for that pair, or until it expires.
 *
 * strategy: its name in `strategies.toml`.
 * strength: 0 (flat) to 1 (a full position by its size).
 * timeframe: of the bar that led to it; empty where none did.
 * expires_ns: market time after which it wants nothing; 0 for never.
 */
export interface SignalRaised {
  type: 'SignalRaised'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  strategy: string
  symbol: string
  strength: number
  timeframe: string
  expires_ns: bigint
}

/**
 * The size of a full position in one pair as of one bar.
 *
 * timeframe, bar_open_time_ns: the bar.
 * price: the bar's close, USDT.
 * atr: Wilder's average true range over completed UTC days, USDT.
 * atr_pct: atr / price.
 * adv_usdt: mean daily quote volume.
 * equity_at_risk_usdt: NAV x fraction x phase scale.
 * stop_distance: stop_atr x ATR, USDT per unit.
 * stop_price: where the stop of a purchase belongs, USDT per unit; on the pair's price step, where that is known.
 * quantity: base units, rounded down to the lot step.
 * notional_usdt: quantity x price.
 * binding: what set the size (`equity_at_risk`, `pair_cap_nav`, `pair_cap_adv`, `atr_floor`), or the name of
 *     what was missing when quantity is 0.
 * phase_scale: of the phase in force, multiplies the equity at risk.
 */
export interface PositionSized {
  type: 'PositionSized'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  timeframe: string
  bar_open_time_ns: bigint
  price: number
  atr: number
  atr_pct: number
  adv_usdt: number
  equity_at_risk_usdt: number
  stop_distance: number
  stop_price: number
  quantity: string
  notional_usdt: number
  binding: string
  phase_scale: number
}

/**
 * An order that somebody would like to place.
 *
 * id: chosen by the proposer; it names the order from here on.
 * quantity: base units.
 * portfolio: empty for the one on whose stream the order stands.
 * limit_price: USDT per unit, required for a limit order.
 * stop_price: USDT per unit, below the entry; required to open a position.
 * strategy: who proposes it; a throttle counts by strategy.
 * reduce_only: never sell more than is held.
 * expires_ns: market time after which it must no longer be decided in the proposer's favour; 0 for never.
 * client: who proposes it. Readers take it from the queue in which the order stands, and believe no sender.
 */
export interface OrderProposed {
  type: 'OrderProposed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  side: 'buy' | 'sell'
  quantity: string
  portfolio: string
  order_type: 'market' | 'limit'
  limit_price: string | null
  stop_price: string | null
  strategy: string
  reduce_only: boolean
  expires_ns: bigint
  client: string
}

/**
 * A higher protective stop is proposed for a position. A lower one is refused.
 *
 * stop_price: USDT per unit.
 * portfolio, client: as in `OrderProposed`.
 */
export interface StopRaised {
  type: 'StopRaised'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  stop_price: string
  portfolio: string
  client: string
}

/**
 * A proposal to cancel an order that is not finished. It always passes, but for an order of another client.
 *
 * portfolio, client: as in `OrderProposed`.
 */
export interface CancelProposed {
  type: 'CancelProposed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  portfolio: string
  reason: string
  client: string
}

/**
 * The verdict on one proposal, with every ceiling. There is exactly one for each order id.
 *
 * quantity_requested, quantity_approved: base units.
 * binding: the rule that set the verdict; empty when all of the order is approved.
 * reason: why, for people; empty when all of the order is approved.
 * ceilings: what every rule would have allowed.
 * heat_before, heat_after: fractions of NAV.
 * nav: USDT; 0 when unknown.
 * mark: USDT per unit; 0 when unknown.
 * risk_usdt, cash_usdt: reserved until the order is filled, cancelled or dead.
 * policy: hash of all that decides: limits, costs, breakers, how ATR and ADV are measured.
 * seq: number of the decision within the portfolio, from 1.
 * order_type, limit_price, stop_price, strategy, reduce_only, expires_ns: as proposed.
 * phase: of the ramp, in force.
 * code: what set the verdict, a `Finding`: that of the binding ceiling, or what the exchange's lots and minima made
 *     of the order; empty in a decision from before codes were kept.
 * shortfall: the exchange's minimum, where the order is under it (codes `below_minimum` and `dust`).
 * client: who proposed it, where clients have bounds (`[clients.NAME]`) or execute by themselves; empty elsewhere.
 */
export interface OrderDecided {
  type: 'OrderDecided'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  side: 'buy' | 'sell'
  verdict: 'approve' | 'trim' | 'reject'
  quantity_requested: string
  quantity_approved: string
  binding: string
  reason: string
  ceilings: CeilingReport[]
  heat_before: number
  heat_after: number
  nav: number
  mark: number
  risk_usdt: number
  cash_usdt: number
  policy: string
  seq: number
  order_type: 'market' | 'limit'
  limit_price: string | null
  stop_price: string | null
  strategy: string
  reduce_only: boolean
  expires_ns: bigint
  phase: string
  code: string
  shortfall: Shortfall | null
  client: string
}

/**
 * A raised stop passed the gate: execution moves the resting stop order there.
 *
 * stop_price: USDT per unit.
 * reason: why it is not where it was asked for, for people; empty where it is.
 * stop_order_id: under which the stop of the position fills that it was approved for; empty where the gate had not
 *     heard of it, and from before it was kept.
 */
export interface StopApproved {
  type: 'StopApproved'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  stop_price: string
  reason: string
  stop_order_id: string
}

/**
 * Execution has to cancel what is left of an order.
 *
 * written_off: an operator has taken it out of the books, so nothing more of it is awaited.
 */
export interface CancelDecided {
  type: 'CancelDecided'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  reason: string
  written_off: boolean
}

/**
 * A pair is out of the books: its position, stop and open orders are forgotten, and nothing is sold.
 */
export interface WriteOffDecided {
  type: 'WriteOffDecided'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  reason: string
}

/**
 * A position that was opened elsewhere is in the books: execution protects it, and sizing counts it as held.
 *
 * quantity: base units.
 * stop_price: USDT per unit.
 * client: who holds it, where clients execute.
 */
export interface ImportDecided {
  type: 'ImportDecided'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  quantity: string
  stop_price: string
  client: string
  reason: string
}

/**
 * Something on the stream of proposals was not taken. It is no verdict and takes no id: mend it, send it again.
 *
 * cause: the id of what was refused; empty where it could not be read.
 * order_id: of the order that was meant, as the sender wrote it; empty for a stop, or where it could not be read.
 * symbol: the pair, as the sender wrote it; empty where none was named.
 * what: the type of the message, as the sender wrote it.
 * code: a `Refusal`.
 * field: what is wrong; `$` for the whole.
 * reason: why, for people.
 * source, entry: where it stood: the stream or channel, and the stream entry's id. Of what could not be read only.
 * unanswered: how many before it were refused and got no answer, because there were too many at once.
 */
export interface ProposalRefused {
  type: 'ProposalRefused'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  what: string
  code: string
  field: string
  reason: string
  source: string
  entry: string
  unanswered: number
}

/**
 * The venue has the order.
 *
 * quantity: base units, as placed.
 * price: the limit, USDT per unit; None for an order at the market.
 * venue_order_id: the venue's own id for it.
 */
export interface OrderPlaced {
  type: 'OrderPlaced'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  side: 'buy' | 'sell'
  quantity: string
  price: string | null
  venue_order_id: string
}

/**
 * One execution of an order.
 *
 * trade_id: unique at the venue, so that a fill that is heard twice counts once.
 * quantity: base units.
 * price: USDT per unit, slippage included.
 * fee_usdt: USDT, paid from cash.
 * stop_price: the protective stop that goes with the position after this fill, USDT per unit; None on a sell.
 * liquidity: whether the order waited in the book (maker) or took what stood there (taker).
 * stop: whether a protective stop sold here; None where the writer did not say, as before this was kept.
 * touch: the price that its first unit got, USDT per unit: half a spread from the market's. What is between it and
 *     `price` is slippage. None where the writer did not say, as before this was kept.
 */
export interface OrderFilled {
  type: 'OrderFilled'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  trade_id: string
  symbol: string
  side: 'buy' | 'sell'
  quantity: string
  price: string
  fee_usdt: string
  stop_price: string | null
  liquidity: 'maker' | 'taker'
  stop: boolean | null
  touch: string | null
}

/**
 * Nothing more happens to the order. quantity_filled: base units, over all its fills.
 */
export interface OrderClosed {
  type: 'OrderClosed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  ending: 'filled' | 'cancelled' | 'expired' | 'rejected'
  quantity_filled: string
  reason: string
}

/**
 * The protective stop of a position rests somewhere else now.
 *
 * order_id: the id under which the stop will fill.
 * stop_price: USDT per unit.
 * quantity: base units that it protects; 0 when nothing is left to protect.
 */
export interface StopPlaced {
  type: 'StopPlaced'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  stop_price: string
  quantity: string
}

/**
 * A client has to report, until a time.
 *
 * order_id: of the order; of a stop, the id under which it will fill.
 * client: whose report it is.
 * what: `order` (what became of an approved order), `end` (of one that was placed), `trades` (that are missing
 *     in the sum), or `stop`.
 * due_ns: market time.
 * quantity: base units: of the order, what is not filled; of a stop, what it has to protect.
 * stop_price: where the stop has to rest, USDT per unit; None for an order.
 * reason: for people.
 * overdue: the time is over. For an order, the gate is closed for its client; for a stop, its pair is halted.
 */
export interface ReportAwaited {
  type: 'ReportAwaited'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  client: string
  what: string
  due_ns: bigint
  quantity: string
  stop_price: string | null
  reason: string
  overdue: boolean
}

/**
 * A report was not taken. Nothing was booked: mend it, and send it again.
 *
 * cause: the id of the report; empty where it could not be read.
 * order_id, symbol, what: of the report, and its type, as the sender wrote them.
 * trade_id: of a fill.
 * code: a `ReportFault`.
 * field, reason: what is wrong; why, for people.
 * halts: money could be wrong, so its pair is halted until an operator has looked.
 * source, entry: where it stood, of what could not be read only.
 * unanswered: how many before it were refused and got no answer, because there were too many at once.
 * client: whose queue it stood in; empty where it stood in none.
 */
export interface ReportRefused {
  type: 'ReportRefused'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  what: string
  code: string
  field: string
  reason: string
  trade_id: string
  halts: boolean
  source: string
  entry: string
  unanswered: number
  client: string
}

/**
 * The order stands at the exchange.
 *
 * order_id: the id that was approved.
 * quantity: base units, as placed.
 * price: the limit, USDT per unit; None for an order at the market.
 * venue_order_id: the exchange's own id for it.
 *
 * What all reports say. time_ns: when it happened, market time; 0 where that is not known.
 *
 * symbol: the pair.
 * client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
 */
export interface PlacedReported {
  type: 'PlacedReported'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  client: string
  order_id: string
  quantity: string
  price: string | null
  venue_order_id: string
}

/**
 * One trade of an order, or of a protective stop.
 *
 * order_id: the id that was approved; of a stop, the id that `ReportAwaited` and `StopPlaced` name.
 * trade_id: the exchange's id of the trade, by which it counts once.
 * quantity: base units; what arrived, where the exchange took its fee out of them.
 * price: USDT per unit.
 * fee_usdt: USDT; where the fee was taken in the coin, what it was worth.
 * liquidity: whether the order waited in the book (maker) or took what stood there (taker).
 * stop: whether the protective stop sold.
 *
 * What all reports say. time_ns: when it happened, market time; 0 where that is not known.
 *
 * symbol: the pair.
 * client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
 */
export interface FillReported {
  type: 'FillReported'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  client: string
  order_id: string
  trade_id: string
  side: 'buy' | 'sell'
  quantity: string
  price: string
  fee_usdt: string
  liquidity: 'maker' | 'taker'
  stop: boolean
}

/**
 * Nothing more happens to the order at the exchange. quantity_filled: base units, the sum of its trades.
 *
 * What all reports say. time_ns: when it happened, market time; 0 where that is not known.
 *
 * symbol: the pair.
 * client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
 */
export interface ClosedReported {
  type: 'ClosedReported'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  client: string
  order_id: string
  ending: 'filled' | 'cancelled' | 'expired' | 'rejected'
  quantity_filled: string
  reason: string
}

/**
 * Where the protective stop of a pair rests at the exchange.
 *
 * stop_price: USDT per unit; of several stops, the lowest.
 * quantity: base units that stops protect, all together.
 * working: False: no stop rests there any more, and none has sold.
 * venue_order_id: the exchange's own id for it.
 *
 * What all reports say. time_ns: when it happened, market time; 0 where that is not known.
 *
 * symbol: the pair.
 * client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
 */
export interface StopReported {
  type: 'StopReported'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  client: string
  stop_price: string
  quantity: string
  working: boolean
  venue_order_id: string
}

/**
 * The portfolio at live marks.
 *
 * nav, cash: USDT.
 * heat, heat_open, heat_reserved, heat_limit: fractions of NAV.
 * utilisation: notional held, as a fraction of NAV.
 * drawdown: the fall from the highest NAV of all time, as a fraction of it. Nothing is limited by it.
 * positions: everything that is held.
 * sectors: USDT notional per sector, held and on order.
 * phase: of the ramp, in force.
 * seq: counts up by one with every snapshot.
 * open_orders: approved and not finished.
 * phase_since_ns: market time at which the phase began.
 * phase_drawdown: the fall from the highest NAV since the phase began; demotions go by it.
 * phase_evidence: what the phase has shown up to now, and what the next one waits for, in words.
 * rehearsal: the phase runs on any exchange, paper or real.
 * drawdown_since_resume: the fall from the highest NAV since the last resume after a drawdown. The gate's rule and the
 *     breaker named drawdown go by it.
 * unpriced: pairs that are held and have had no price for too long: worth 0 in NAV, their last worth is at risk.
 * dust: pairs of which less is held than the exchange trades.
 * heat_stops_hit: the part of heat that is about to be gone, as a fraction of NAV: of positions whose stop was hit at
 *     most 5 seconds of wall time ago, and whose fill has not been heard yet. The market made the rest.
 */
export interface PortfolioMarked {
  type: 'PortfolioMarked'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  nav: number
  cash: string
  heat: number
  heat_open: number
  heat_reserved: number
  heat_limit: number
  utilisation: number
  drawdown: number
  positions: PositionMarked[]
  sectors: Record<string, number>
  phase: string
  seq: number
  open_orders: number
  phase_since_ns: bigint
  phase_drawdown: number
  phase_evidence: string
  rehearsal: boolean
  drawdown_since_resume: number
  unpriced: string[]
  dust: string[]
  heat_stops_hit: number
}

/**
 * New risk is stopped, in one pair or in the whole portfolio.
 *
 * symbol: the pair; empty for the whole portfolio.
 * mode: `reducing` lets only reductions through; `halted` also cancels open entry orders.
 * reason: why, for people.
 * until_ns: market time at which it ends by itself; 0 for no end by time.
 * who: the operator, or `risk`.
 * trigger: what set it off. One scope may be halted by several triggers at once, and each halt ends by itself.
 * evidence: the figures that set it off, for people.
 * cleared_by: what ends it: `time`, `operator`, `two_steps` (an operator, twice), or `condition` (what set it
 *     off is over).
 * since_ns: market time at which it began; `time_ns` is later once it was prolonged or made stricter.
 * awaited: the feed that is missing was never heard, so nothing was lost.
 */
export interface Halted {
  type: 'Halted'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  mode: 'reducing' | 'halted'
  reason: string
  until_ns: bigint
  who: string
  trigger: string
  evidence: string
  cleared_by: 'time' | 'operator' | 'two_steps' | 'condition'
  since_ns: bigint
  awaited: boolean
}

/**
 * A halt ended.
 *
 * symbol, trigger: which one; the symbol is empty for the whole portfolio.
 * reason: why it ended, for people.
 * held_ns: how long it lasted, market time.
 * who: the operator, or `risk`.
 */
export interface Resumed {
  type: 'Resumed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  reason: string
  held_ns: bigint
  who: string
  trigger: string
}

/**
 * A resume takes a second step: `Resume` once more, with the code.
 *
 * confirm: the code, good for the halts that stand now.
 * symbol: the pair; empty for the whole portfolio.
 * trigger: of the halt that asks for the second step.
 * who: the operator who took the first one.
 * until_ns: market time until which the code is good.
 */
export interface ResumeAsked {
  type: 'ResumeAsked'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  confirm: string
  symbol: string
  trigger: string
  who: string
  until_ns: bigint
}

/**
 * Limits were changed at run time.
 *
 * old, new: the values of those that changed, by name.
 * policy_before, policy: hashes of all that decides.
 * over: what exceeds the new limits already, in words.
 */
export interface LimitsChanged {
  type: 'LimitsChanged'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  old: Record<string, number>
  new: Record<string, number>
  policy_before: string
  policy: string
  over: string[]
}

/**
 * The evidence allows the next phase, and an operator has to approve it. evidence: in words.
 */
export interface PhaseProposed {
  type: 'PhaseProposed'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  phase: string
  to_phase: string
  evidence: string
}

/**
 * Another phase is in force.
 *
 * scale: multiplies the equity at risk.
 * evidence: what the phase before had shown, in words.
 * rehearsal: as in `PortfolioMarked`.
 */
export interface PhaseChanged {
  type: 'PhaseChanged'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  phase_before: string
  phase: string
  scale: number
  who: string
  reason: string
  evidence: string
  rehearsal: boolean
}

/**
 * An operator's command was not carried out.
 *
 * reason: names field, value and remedy.
 * nothing_to_do: what the command asks for is so already, so it is no fault.
 */
export interface CommandRefused {
  type: 'CommandRefused'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  command: string
  who: string
  reason: string
  nothing_to_do: boolean
}

/**
 * Something that an operator should look at before it halts anything.
 *
 * trigger: what would halt.
 * symbol: the pair; empty for the whole portfolio.
 */
export interface Alerted {
  type: 'Alerted'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  trigger: string
  reason: string
  symbol: string
  evidence: string
}

/**
 * A position was taken out of the books without a sale.
 *
 * quantity: base units; 0 when only orders were left of the pair.
 * price: at which it was booked out, USDT per unit.
 * cost_usdt: what had been paid for it.
 * proceeds_usdt: quantity x price, which went to cash.
 */
export interface PositionWrittenOff {
  type: 'PositionWrittenOff'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  symbol: string
  who: string
  reason: string
  quantity: string
  price: string
  cost_usdt: string
  proceeds_usdt: string
}

/**
 * An order was taken out of the books without a word of its client.
 *
 * quantity: base units that were not filled.
 * risk_usdt: what it reserved, USDT.
 * client: whose order it was; empty where nobody was asked to report.
 */
export interface OrderWrittenOff {
  type: 'OrderWrittenOff'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  order_id: string
  symbol: string
  side: 'buy' | 'sell'
  quantity: string
  risk_usdt: number
  client: string
  who: string
  reason: string
}

/**
 * Positions that were opened elsewhere are in the books.
 *
 * cash_before, cash: USDT.
 * nav_before, nav: USDT. What came in or went out is no gain and no loss: peaks of NAV moved along with it.
 * heat_before, heat: fractions of NAV.
 * over: what exceeds the limits by it, in words.
 * client: who holds them; empty where nobody has to report.
 */
export interface PositionsImported {
  type: 'PositionsImported'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  positions: BookedPosition[]
  cash_before: string
  cash: string
  nav_before: number
  nav: number
  heat_before: number
  heat: number
  over: string[]
  client: string
}

/**
 * A portfolio does not follow a signal. Others on the same server may.
 *
 * cause: the signal's id; empty where it could not be read.
 * strategy, symbol: as the sender wrote them.
 * code, field, reason, unanswered: as in `ProposalRefused`.
 * source, entry: where it stood, of a signal that could not be read.
 */
export interface SignalRefused {
  type: 'SignalRefused'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  strategy: string
  symbol: string
  code: string
  field: string
  reason: string
  source: string
  entry: string
  unanswered: number
}

/**
 * An operator mended what was wrong on the server, or accepted what it had lost.
 *
 * key: where on the server. problem: what was wrong. remedy: what was done.
 */
export interface StoreRepaired {
  type: 'StoreRepaired'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  key: string
  problem: string
  remedy: string
}

/**
 * Stop new risk. The fields are those of `Halted`.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface Halt {
  type: 'Halt'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  symbol: string
  mode: 'reducing' | 'halted'
  until_ns: bigint
}

/**
 * End the halts of one pair, or of the whole portfolio.
 *
 * symbol: the pair; empty for the whole portfolio.
 * confirm: the code of `ResumeAsked`, for the second step.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface Resume {
  type: 'Resume'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  symbol: string
  confirm: string
}

/**
 * Sell one pair's position at the market, or every position. symbol: the pair; empty for all.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface Flatten {
  type: 'Flatten'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  symbol: string
}

/**
 * Enter a phase of the plan's ramp, whatever the evidence says: an operator's own responsibility.
 *
 * phase: one of `phases.toml`; the risk service refuses any other, with the names there are.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface SetPhase {
  type: 'SetPhase'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  phase: string
}

/**
 * Approve the promotion to a phase that was proposed.
 *
 * phase: one of `phases.toml`; the risk service refuses any other, with the names there are.
 * reviews: risk reviews signed in the phase that ends.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface ApprovePhase {
  type: 'ApprovePhase'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  phase: string
  reviews: number
}

/**
 * Change limits: all that are named or, when one is invalid, none. limits: by their names in `limits.toml`.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface SetLimits {
  type: 'SetLimits'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  limits: Record<string, number>
}

/**
 * Take a pair that cannot be sold out of the books, with its stop and its orders.
 *
 * price: what a unit is booked out at, USDT; None for nothing.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface WriteOff {
  type: 'WriteOff'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  symbol: string
  price: string | null
}

/**
 * Take an order of which its client says nothing out of the books: what it reserves is free. Nothing is sold.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface WriteOffOrder {
  type: 'WriteOffOrder'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  order_id: string
}

/**
 * Take positions into the books that were opened elsewhere: all that are named or, when one does not fit, none.
 *
 * cash: USDT beside them once they are in; None leaves it as it is.
 * cash_before: USDT that the books had when the operator looked. If they have another amount by then, nothing is
 *     booked; None for whatever they have.
 * client: who holds them, where clients execute: it has to report their stops and to sell them.
 *
 * What all of them say.
 *
 * who: the operator at whose word it is done.
 * reason: why, for people.
 */
export interface ImportPositions {
  type: 'ImportPositions'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  who: string
  reason: string
  positions: PositionToImport[]
  cash: string | null
  cash_before: string | null
  client: string
}

/**
 * What is the largest order that would be approved now?
 *
 * reply_to: the channel on which the answer is published.
 * symbol: one pair; empty for every pair.
 * stop_price: of the order that is meant, USDT per unit; None for the stop that sizing would set.
 * limit_price: USDT per unit; None for an order at the market.
 * strategy: who would propose it; a throttle counts by strategy.
 * client: within whose bounds; empty for those of nobody.
 */
export interface RoomAsked {
  type: 'RoomAsked'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  reply_to: string
  symbol: string
  stop_price: string | null
  limit_price: string | null
  strategy: string
  client: string
}

/**
 * What would the shadow limits have done? reply_to: the channel on which `ShadowCounted` is published.
 */
export interface ShadowAsked {
  type: 'ShadowAsked'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  reply_to: string
}

/**
 * What would the books be with these positions in them? Nothing is booked by asking.
 *
 * reply_to: the channel on which `ImportAnswered` is published.
 * positions, cash, client: as in `ImportPositions`.
 */
export interface ImportAsked {
  type: 'ImportAsked'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  reply_to: string
  positions: PositionToImport[]
  cash: string | null
  client: string
}

/**
 * The answer to `RoomAsked`. For many pairs it comes in several parts.
 *
 * nav: USDT; 0 when unknown.
 * heat: fraction of NAV.
 * rooms: one for each pair that was asked for.
 * part, parts: which part this is, and of how many.
 * reason: why there is no room in it, for people.
 * policy: hash of all that decides.
 * phase: of the ramp, in force.
 */
export interface RoomAnswered {
  type: 'RoomAnswered'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  reply_to: string
  nav: number
  heat: number
  rooms: Room[]
  part: number
  parts: number
  reason: string
  policy: string
  phase: string
}

/**
 * The answer to `ShadowAsked`: how many decisions the shadow limits would have made differently.
 *
 * policy: hash of all that decides under the shadow limits; empty when there are none.
 * decisions: orders that opened risk, so far.
 * would_trim, would_reject, would_allow_more: how many of them would have got less, nothing, or more.
 * by_rule: those decisions by the rule that would bind; where more would be allowed, by the rule that bound.
 * summary: all of it in one sentence.
 * since_ns: market time of the first decision that was counted; 0 before it.
 */
export interface ShadowCounted {
  type: 'ShadowCounted'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  reply_to: string
  policy: string
  decisions: number
  would_trim: number
  would_reject: number
  would_allow_more: number
  by_rule: Record<string, number>
  summary: string
  since_ns: bigint
}

/**
 * The answer to `ImportAsked`. For many positions it comes in several parts, of which each has its own rows.
 *
 * rows: the positions.
 * faults: what else does not fit, for people.
 * cash_before, cash: USDT, now and once they are in.
 * nav_before, nav: the same of NAV, USDT; 0 when unknown.
 * heat_before, heat: the same of heat, fractions of NAV.
 * heat_limit: fraction of NAV.
 * over: what would exceed the limits, in words. It is booked all the same, and no new risk is approved there.
 * part, parts: which part this is, and of how many.
 */
export interface ImportAnswered {
  type: 'ImportAnswered'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  reply_to: string
  rows: ImportRow[]
  faults: string[]
  cash_before: string
  cash: string
  nav_before: number
  nav: number
  heat_before: number
  heat: number
  heat_limit: number
  over: string[]
  part: number
  parts: number
}

/**
 * Bytes that could not be read as a message, or a message that a machine does not believe; from where, and why.
 *
 * cause: the message's id, where it is one.
 * source: the stream or channel.
 * entry: the stream entry's id; empty for a channel.
 * field: where reading failed, or which field is not believed; `$` for the whole.
 * reason: why, for people.
 * body: the first 4096 bytes as they came.
 * size_bytes: how long they were.
 * consumer: the service that refused them.
 */
export interface MessageRefused {
  type: 'MessageRefused'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  source: string
  entry: string
  field: string
  reason: string
  body: Uint8Array
  size_bytes: number
  consumer: string
}

/**
 * An entry that a service failed at again and again, and passed over; or a bar at which a strategy file failed.
 *
 * The gate halts what depends on it. The entry itself stands on `hs:dead`.
 *
 * cause: the id of the message that it held.
 * service: who failed at it.
 * portfolio: whose service that is; empty for one that serves all portfolios.
 * source: the stream or channel; `time` for the passing of time.
 * entry: the stream entry's id, or the bar's own where a strategy failed at it; empty for a channel.
 * message: the type of the message.
 * symbol: the pair that the message is about; empty for none.
 * reason: why, for people.
 */
export interface EntrySetAside {
  type: 'EntrySetAside'
  id: string
  time_ns: bigint
  cause: string
  trace: string
  v: number
  service: string
  source: string
  portfolio: string
  entry: string
  message: string
  symbol: string
  reason: string
}

export type Message =
  | BarClosed
  | MarkChanged
  | BookSampled
  | PairListed
  | FeedLost
  | FeedRestored
  | SignalRaised
  | PositionSized
  | OrderProposed
  | StopRaised
  | CancelProposed
  | OrderDecided
  | StopApproved
  | CancelDecided
  | WriteOffDecided
  | ImportDecided
  | ProposalRefused
  | OrderPlaced
  | OrderFilled
  | OrderClosed
  | StopPlaced
  | ReportAwaited
  | ReportRefused
  | PlacedReported
  | FillReported
  | ClosedReported
  | StopReported
  | PortfolioMarked
  | Halted
  | Resumed
  | ResumeAsked
  | LimitsChanged
  | PhaseProposed
  | PhaseChanged
  | CommandRefused
  | Alerted
  | PositionWrittenOff
  | OrderWrittenOff
  | PositionsImported
  | SignalRefused
  | StoreRepaired
  | Halt
  | Resume
  | Flatten
  | SetPhase
  | ApprovePhase
  | SetLimits
  | WriteOff
  | WriteOffOrder
  | ImportPositions
  | RoomAsked
  | ShadowAsked
  | ImportAsked
  | RoomAnswered
  | ShadowCounted
  | ImportAnswered
  | MessageRefused
  | EntrySetAside
