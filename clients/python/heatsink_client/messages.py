"""Every message on the wire, and the keys of all topics. Written by ``make client-messages``: do not edit.

Amounts are ``Decimal``, estimates are ``float``, and whatever ends in ``_ns`` is market time in nanoseconds since 1970.
Fields are only ever added, at the end, with defaults.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

MAX_MESSAGE_BYTES = 65536  # of nearly every message


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingReport:
    """One rule's answer: the largest quantity it would allow, and the figures behind it.

    rule: its name, as in ``docs/reference.md``.
    quantity: base units, an estimate; 1e18 stands for "no ceiling".
    limit, used, headroom: in ``unit``; headroom is limit - used.
    unit: ``USDT``, ``base``, ``seconds``, ``orders``, ``fraction``, or empty for a plain gate.
    reason: why the gate is closed, for people, when quantity is 0 because something was missing or wrong.
    code: a ``Finding``; empty in a report from before codes were kept.
    """

    rule: str
    quantity: float
    limit: float
    used: float
    headroom: float
    unit: str
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What was left of an order, and the least that the exchange takes of the pair, which it falls short of.

    quantity: base units, in whole lots where there is one. min_quantity: base units. min_notional_usdt: USDT.
    filter: the exchange's filter that it misses, ``LOT_SIZE`` or ``NOTIONAL``; empty from before that was kept.
    least: base units that would pass; 0 from before that was kept.
    worth_usdt: of the quantity, at the order's own price, USDT; 0 where that is not known.
    """

    quantity: Decimal
    min_quantity: Decimal
    min_notional_usdt: Decimal
    filter: str = ""
    least: Decimal = Decimal(0)
    worth_usdt: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMarked:
    """One position in a snapshot.

    quantity: base units.
    mark: USDT per unit.
    stop: USDT per unit; None without one, and then the whole notional counts as risk.
    open_risk_usdt: quantity x max(0, mark - stop), and the cost of getting out.
    notional_usdt: quantity x mark; 0 for one of the ``unpriced``.
    """

    symbol: str
    sector: str
    quantity: Decimal
    mark: float
    stop: Decimal | None
    open_risk_usdt: float
    notional_usdt: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPosition:
    """One position that came in.

    quantity: base units. cost, stop, mark: USDT per unit.
    """

    symbol: str
    quantity: Decimal
    cost: Decimal
    stop: Decimal
    mark: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionToImport:
    """What is held of a pair already, outside of the books.

    quantity: base units.
    cost: what a unit was bought for on average, USDT; None for the price at the import.
    stop: USDT per unit; None for the stop of a new entry, by its ATR.
    """

    symbol: str
    quantity: Decimal
    cost: Decimal | None = None
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The largest buy of one pair that would be approved now.

    quantity: base units, in whole lots.
    notional_usdt: quantity x price.
    stop_price: of the order, USDT per unit; None when nobody can say where it would be.
    binding: the rule that sets the quantity.
    ceilings: all of them when one pair was asked for, the binding one otherwise.
    price: USDT per unit that it was computed with; 0 when unknown.
    code, shortfall: as in ``OrderDecided``.
    """

    symbol: str
    quantity: Decimal
    notional_usdt: float
    stop_price: Decimal | None
    binding: str
    reason: str
    ceilings: tuple[CeilingReport, ...]
    price: float = 0.0
    code: str = ""
    shortfall: Shortfall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One position as it would be booked.

    quantity: base units.
    cost: USDT per unit; 0 when unknown.
    mark: USDT per unit; 0 when unknown.
    stop: USDT per unit; None when nobody can say where it would be.
    notional_usdt: quantity x mark.
    open_risk_usdt: quantity x (mark - stop), and the cost of getting out.
    fault: why it does not fit, for people: field, value and remedy; empty when it does.
    """

    symbol: str
    quantity: Decimal
    cost: Decimal
    mark: float
    stop: Decimal | None
    notional_usdt: float
    open_risk_usdt: float
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A fact (``OrderFilled``) or a command (``Halt``), as it stands on the wire.

    id: unique. It follows from the cause, so that doing a thing twice yields one message.
    time_ns: market time of the event, in nanoseconds since 1970.
    cause: id of the message that led to this one; empty for what came from outside.
    trace: one id from bar to fill.
    v: schema version of the type; fields are only ever added.
    """

    id: str
    time_ns: int
    cause: str = ""
    trace: str = ""
    v: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BarClosed(Message):
    """One finished bar. Of each pair and timeframe every bar comes once, in order of ``open_time_ns``.

    open, high, low, close: USDT per unit of base.
    volume: base units.
    quote_volume: USDT.
    trades: number of trades; 0 when the source does not tell.
    backfilled: whether it came by REST (as history, or to fill a gap) and not from the stream.
    hole_before: how many bars are missing at the exchange itself between the last published bar and this one.
    """

    symbol: str
    timeframe: str
    open_time_ns: int
    close_time_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int = 0
    backfilled: bool = False
    hole_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkChanged(Message):
    """The price at which a position is valued: the mid of best bid and ask, or the last price where there is no book.

    price: USDT per unit of base.
    bid, ask: the best ones, USDT per unit of base; 0 when there is no book.
    """

    symbol: str
    price: float
    bid: float = 0.0
    ask: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSampled(Message):
    """The order book of a pair at one moment, and what it costs to trade a certain size in it.

    bids, asks: (price, quantity) from the best one outwards; outer levels are summed up, each sum at its worst price.
    size_usdt: the size that spreads are given for.
    spread: (ask VWAP - bid VWAP) / mid at that size, a fraction; None when the book is too thin for it.
    median_spread: the median of the pair's last samples; None when half of them or more were too thin.
    samples: how many samples that median is of.
    """

    symbol: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    size_usdt: float
    spread: float | None
    median_spread: float | None
    samples: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PairListed(Message):
    """What the exchange says of a pair: whether it trades, and the filters that its orders must pass.

    price_step: the tick, USDT per unit.
    quantity_step: the lot size, base units.
    min_quantity, max_quantity: of one order, base units; a maximum of 0 means none.
    min_notional: of one order, USDT.
    formerly: the pair's former symbol, when it was renamed.
    ratio: new units for each old one, when it was renamed.
    reason: why the pair is off, for people; empty while it trades.

    In what follows 0 means that the exchange has no such filter, or did not state it.

    min_price, max_price: of an order's limit and stop, USDT per unit.
    market_quantity_step, market_min_quantity, market_max_quantity: of an order at the market, beside those above.
    max_notional: of one order, USDT.
    min_notional_at_market, max_notional_at_market: whether these two hold for orders at the market as well.
    bid_multiplier_up, bid_multiplier_down: how far from the exchange's average price a buy's limit may be, as factors.
    ask_multiplier_up, ask_multiplier_down: the same of a sell, and of a protective stop.
    """

    symbol: str
    status: Literal["trading", "halted", "delisted", "renamed", "unlisted"]
    price_step: Decimal = Decimal("0.01")
    quantity_step: Decimal = Decimal("0.00001")
    min_quantity: Decimal = Decimal(0)
    max_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    formerly: str = ""
    ratio: Decimal = Decimal(1)
    reason: str = ""
    min_price: Decimal = Decimal(0)
    max_price: Decimal = Decimal(0)
    market_quantity_step: Decimal = Decimal(0)
    market_min_quantity: Decimal = Decimal(0)
    market_max_quantity: Decimal = Decimal(0)
    max_notional: Decimal = Decimal(0)
    min_notional_at_market: bool = True
    max_notional_at_market: bool = False
    bid_multiplier_up: Decimal = Decimal(0)
    bid_multiplier_down: Decimal = Decimal(0)
    ask_multiplier_up: Decimal = Decimal(0)
    ask_multiplier_down: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLost(Message):
    """A feed went quiet or broke, or is not there yet.

    feed: ``bars:<timeframe>``, ``marks``, ``listing`` (what the exchange says of the pair), ``books``, or
        ``connection``.
    symbol: the pair; empty when the whole connection is meant.
    last_seen_ns: market time of its last frame; 0 when it was never heard, so that nothing was lost.
    """

    feed: str
    symbol: str = ""
    last_seen_ns: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRestored(Message):
    """A lost feed is fresh and free of gaps again.

    feed, symbol: as in ``FeedLost``.
    outage_ns: how long it was away, market time.
    """

    feed: str
    symbol: str = ""
    outage_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRaised(Message):
    """What a strategy wants of one pair. It holds until the strategy's next signal for that pair, or until it expires.

    strategy: its name in ``strategies.toml``.
    strength: 0 (flat) to 1 (a full position by its size).
    timeframe: of the bar that led to it; empty where none did.
    expires_ns: market time after which it wants nothing; 0 for never.
    """

    strategy: str
    symbol: str
    strength: float
    timeframe: str = ""
    expires_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSized(Message):
    """The size of a full position in one pair as of one bar.

    timeframe, bar_open_time_ns: the bar.
    price: the bar's close, USDT.
    atr: Wilder's average true range over completed UTC days, USDT.
    atr_pct: atr / price.
    adv_usdt: mean daily quote volume.
    equity_at_risk_usdt: NAV x fraction x phase scale.
    stop_distance: stop_atr x ATR, USDT per unit.
    stop_price: where the stop of a purchase belongs, USDT per unit; on the pair's price step, where that is known.
    quantity: base units, rounded down to the lot step.
    notional_usdt: quantity x price.
    binding: what set the size (``equity_at_risk``, ``pair_cap_nav``, ``pair_cap_adv``, ``atr_floor``), or the name of
        what was missing when quantity is 0.
    phase_scale: of the phase in force, multiplies the equity at risk.
    """

    symbol: str
    timeframe: str
    bar_open_time_ns: int
    price: float
    atr: float
    atr_pct: float
    adv_usdt: float
    equity_at_risk_usdt: float
    stop_distance: float
    stop_price: float
    quantity: Decimal
    notional_usdt: float
    binding: str
    phase_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProposed(Message):
    """An order that somebody would like to place.

    id: chosen by the proposer; it names the order from here on.
    quantity: base units.
    portfolio: empty for the one on whose stream the order stands.
    limit_price: USDT per unit, required for a limit order.
    stop_price: USDT per unit, below the entry; required to open a position.
    strategy: who proposes it; a throttle counts by strategy.
    reduce_only: never sell more than is held.
    expires_ns: market time after which it must no longer be decided in the proposer's favour; 0 for never.
    client: who proposes it. Readers take it from the queue in which the order stands, and believe no sender.
    """

    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    portfolio: str = ""
    order_type: Literal["market", "limit"] = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    strategy: str = "external"
    reduce_only: bool = False
    expires_ns: int = 0
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRaised(Message):
    """A higher protective stop is proposed for a position. A lower one is refused.

    stop_price: USDT per unit.
    portfolio, client: as in ``OrderProposed``.
    """

    symbol: str
    stop_price: Decimal
    portfolio: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelProposed(Message):
    """A proposal to cancel an order that is not finished. It always passes, but for an order of another client.

    portfolio, client: as in ``OrderProposed``.
    """

    order_id: str
    portfolio: str = ""
    reason: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDecided(Message):
    """The verdict on one proposal, with every ceiling. There is exactly one for each order id.

    quantity_requested, quantity_approved: base units.
    binding: the rule that set the verdict; empty when all of the order is approved.
    reason: why, for people; empty when all of the order is approved.
    ceilings: what every rule would have allowed.
    heat_before, heat_after: fractions of NAV.
    nav: USDT; 0 when unknown.
    mark: USDT per unit; 0 when unknown.
    risk_usdt, cash_usdt: reserved until the order is filled, cancelled or dead.
    policy: hash of all that decides: limits, costs, breakers, how ATR and ADV are measured.
    seq: number of the decision within the portfolio, from 1.
    order_type, limit_price, stop_price, strategy, reduce_only, expires_ns: as proposed.
    phase: of the ramp, in force.
    code: what set the verdict, a ``Finding``: that of the binding ceiling, or what the exchange's lots and minima made
        of the order; empty in a decision from before codes were kept.
    shortfall: the exchange's minimum, where the order is under it (codes ``below_minimum`` and ``dust``).
    client: who proposed it, where clients have bounds (``[clients.NAME]``) or execute by themselves; empty elsewhere.
    """

    order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    verdict: Literal["approve", "trim", "reject"]
    quantity_requested: Decimal
    quantity_approved: Decimal
    binding: str
    reason: str
    ceilings: tuple[CeilingReport, ...]
    heat_before: float
    heat_after: float
    nav: float
    mark: float
    risk_usdt: float
    cash_usdt: float
    policy: str
    seq: int
    order_type: Literal["market", "limit"] = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    strategy: str = "external"
    reduce_only: bool = False
    expires_ns: int = 0
    phase: str = ""
    code: str = ""
    shortfall: Shortfall | None = None
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopApproved(Message):
    """A raised stop passed the gate: execution moves the resting stop order there.

    stop_price: USDT per unit.
    reason: why it is not where it was asked for, for people; empty where it is.
    stop_order_id: under which the stop of the position fills that it was approved for; empty where the gate had not
        heard of it, and from before it was kept.
    """

    symbol: str
    stop_price: Decimal
    reason: str = ""
    stop_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDecided(Message):
    """Execution has to cancel what is left of an order.

    written_off: an operator has taken it out of the books, so nothing more of it is awaited.
    """

    order_id: str
    symbol: str
    reason: str = ""
    written_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffDecided(Message):
    """A pair is out of the books: its position, stop and open orders are forgotten, and nothing is sold."""

    symbol: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDecided(Message):
    """A position that was opened elsewhere is in the books: execution protects it, and sizing counts it as held.

    quantity: base units.
    stop_price: USDT per unit.
    client: who holds it, where clients execute.
    """

    symbol: str
    quantity: Decimal
    stop_price: Decimal
    client: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRefused(Message):
    """Something on the stream of proposals was not taken. It is no verdict and takes no id: mend it, send it again.

    cause: the id of what was refused; empty where it could not be read.
    order_id: of the order that was meant, as the sender wrote it; empty for a stop, or where it could not be read.
    symbol: the pair, as the sender wrote it; empty where none was named.
    what: the type of the message, as the sender wrote it.
    code: a ``Refusal``.
    field: what is wrong; ``$`` for the whole.
    reason: why, for people.
    source, entry: where it stood: the stream or channel, and the stream entry's id. Of what could not be read only.
    unanswered: how many before it were refused and got no answer, because there were too many at once.
    """

    order_id: str
    symbol: str
    what: str
    code: str
    field: str
    reason: str
    source: str = ""
    entry: str = ""
    unanswered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(Message):
    """The venue has the order.

    quantity: base units, as placed.
    price: the limit, USDT per unit; None for an order at the market.
    venue_order_id: the venue's own id for it.
    """

    order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal | None = None
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled(Message):
    """One execution of an order.

    trade_id: unique at the venue, so that a fill that is heard twice counts once.
    quantity: base units.
    price: USDT per unit, slippage included.
    fee_usdt: USDT, paid from cash.
    stop_price: the protective stop that goes with the position after this fill, USDT per unit; None on a sell.
    liquidity: whether the order waited in the book (maker) or took what stood there (taker).
    stop: whether a protective stop sold here; None where the writer did not say, as before this was kept.
    touch: the price that its first unit got, USDT per unit: half a spread from the market's. What is between it and
        ``price`` is slippage. None where the writer did not say, as before this was kept.
    """

    order_id: str
    trade_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    stop_price: Decimal | None = None
    liquidity: Literal["maker", "taker"] = "taker"
    stop: bool | None = None
    touch: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderClosed(Message):
    """Nothing more happens to the order. quantity_filled: base units, over all its fills."""

    order_id: str
    symbol: str
    ending: Literal["filled", "cancelled", "expired", "rejected"]
    quantity_filled: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPlaced(Message):
    """The protective stop of a position rests somewhere else now.

    order_id: the id under which the stop will fill.
    stop_price: USDT per unit.
    quantity: base units that it protects; 0 when nothing is left to protect.
    """

    order_id: str
    symbol: str
    stop_price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAwaited(Message):
    """A client has to report, until a time.

    order_id: of the order; of a stop, the id under which it will fill.
    client: whose report it is.
    what: ``order`` (what became of an approved order), ``end`` (of one that was placed), ``trades`` (that are missing
        in the sum), or ``stop``.
    due_ns: market time.
    quantity: base units: of the order, what is not filled; of a stop, what it has to protect.
    stop_price: where the stop has to rest, USDT per unit; None for an order.
    reason: for people.
    overdue: the time is over. For an order, the gate is closed for its client; for a stop, its pair is halted.
    """

    order_id: str
    symbol: str
    client: str
    what: str
    due_ns: int
    quantity: Decimal
    stop_price: Decimal | None = None
    reason: str = ""
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefused(Message):
    """A report was not taken. Nothing was booked: mend it, and send it again.

    cause: the id of the report; empty where it could not be read.
    order_id, symbol, what: of the report, and its type, as the sender wrote them.
    trade_id: of a fill.
    code: a ``ReportFault``.
    field, reason: what is wrong; why, for people.
    halts: money could be wrong, so its pair is halted until an operator has looked.
    source, entry: where it stood, of what could not be read only.
    unanswered: how many before it were refused and got no answer, because there were too many at once.
    client: whose queue it stood in; empty where it stood in none.
    """

    order_id: str
    symbol: str
    what: str
    code: str
    field: str
    reason: str
    trade_id: str = ""
    halts: bool = False
    source: str = ""
    entry: str = ""
    unanswered: int = 0
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedReported(Message):
    """The order stands at the exchange.

    order_id: the id that was approved.
    quantity: base units, as placed.
    price: the limit, USDT per unit; None for an order at the market.
    venue_order_id: the exchange's own id for it.

    What all reports say. time_ns: when it happened, market time; 0 where that is not known.

    symbol: the pair.
    client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
    """

    symbol: str
    client: str = ""
    order_id: str
    quantity: Decimal
    price: Decimal | None = None
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReported(Message):
    """One trade of an order, or of a protective stop.

    order_id: the id that was approved; of a stop, the id that ``ReportAwaited`` and ``StopPlaced`` name.
    trade_id: the exchange's id of the trade, by which it counts once.
    quantity: base units; what arrived, where the exchange took its fee out of them.
    price: USDT per unit.
    fee_usdt: USDT; where the fee was taken in the coin, what it was worth.
    liquidity: whether the order waited in the book (maker) or took what stood there (taker).
    stop: whether the protective stop sold.

    What all reports say. time_ns: when it happened, market time; 0 where that is not known.

    symbol: the pair.
    client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
    """

    symbol: str
    client: str = ""
    order_id: str
    trade_id: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    liquidity: Literal["maker", "taker"] = "taker"
    stop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedReported(Message):
    """Nothing more happens to the order at the exchange. quantity_filled: base units, the sum of its trades.

    What all reports say. time_ns: when it happened, market time; 0 where that is not known.

    symbol: the pair.
    client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
    """

    symbol: str
    client: str = ""
    order_id: str
    ending: Literal["filled", "cancelled", "expired", "rejected"]
    quantity_filled: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReported(Message):
    """Where the protective stop of a pair rests at the exchange.

    stop_price: USDT per unit; of several stops, the lowest.
    quantity: base units that stops protect, all together.
    working: False: no stop rests there any more, and none has sold.
    venue_order_id: the exchange's own id for it.

    What all reports say. time_ns: when it happened, market time; 0 where that is not known.

    symbol: the pair.
    client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
    """

    symbol: str
    client: str = ""
    stop_price: Decimal
    quantity: Decimal
    working: bool = True
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioMarked(Message):
    """The portfolio at live marks.

    nav, cash: USDT.
    heat, heat_open, heat_reserved, heat_limit: fractions of NAV.
    utilisation: notional held, as a fraction of NAV.
    drawdown: the fall from the highest NAV of all time, as a fraction of it. Nothing is limited by it.
    positions: everything that is held.
    sectors: USDT notional per sector, held and on order.
    phase: of the ramp, in force.
    seq: counts up by one with every snapshot.
    open_orders: approved and not finished.
    phase_since_ns: market time at which the phase began.
    phase_drawdown: the fall from the highest NAV since the phase began; demotions go by it.
    phase_evidence: what the phase has shown up to now, and what the next one waits for, in words.
    rehearsal: the phase runs on any exchange, paper or real.
    drawdown_since_resume: the fall from the highest NAV since the last resume after a drawdown. The gate's rule and the
        breaker named drawdown go by it.
    unpriced: pairs that are held and have had no price for too long: worth 0 in NAV, their last worth is at risk.
    dust: pairs of which less is held than the exchange trades.
    heat_stops_hit: the part of heat that is about to be gone, as a fraction of NAV: of positions whose stop was hit at
        most 5 seconds of wall time ago, and whose fill has not been heard yet. The market made the rest.
    """

    nav: float
    cash: Decimal
    heat: float
    heat_open: float
    heat_reserved: float
    heat_limit: float
    utilisation: float
    drawdown: float
    positions: tuple[PositionMarked, ...]
    sectors: dict[str, float]
    phase: str
    seq: int
    open_orders: int = 0
    phase_since_ns: int = 0
    phase_drawdown: float = 0.0
    phase_evidence: str = ""
    rehearsal: bool = False
    drawdown_since_resume: float = 0.0
    unpriced: tuple[str, ...] = ()
    dust: tuple[str, ...] = ()
    heat_stops_hit: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted(Message):
    """New risk is stopped, in one pair or in the whole portfolio.

    symbol: the pair; empty for the whole portfolio.
    mode: ``reducing`` lets only reductions through; ``halted`` also cancels open entry orders.
    reason: why, for people.
    until_ns: market time at which it ends by itself; 0 for no end by time.
    who: the operator, or ``risk``.
    trigger: what set it off. One scope may be halted by several triggers at once, and each halt ends by itself.
    evidence: the figures that set it off, for people.
    cleared_by: what ends it: ``time``, ``operator``, ``two_steps`` (an operator, twice), or ``condition`` (what set it
        off is over).
    since_ns: market time at which it began; ``time_ns`` is later once it was prolonged or made stricter.
    awaited: the feed that is missing was never heard, so nothing was lost.
    """

    symbol: str = ""
    mode: Literal["reducing", "halted"] = "halted"
    reason: str = ""
    until_ns: int = 0
    who: str = "risk"
    trigger: str = "operator"
    evidence: str = ""
    cleared_by: Literal["time", "operator", "two_steps", "condition"] = "operator"
    since_ns: int = 0
    awaited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Message):
    """A halt ended.

    symbol, trigger: which one; the symbol is empty for the whole portfolio.
    reason: why it ended, for people.
    held_ns: how long it lasted, market time.
    who: the operator, or ``risk``.
    """

    symbol: str = ""
    reason: str = ""
    held_ns: int = 0
    who: str = "risk"
    trigger: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAsked(Message):
    """A resume takes a second step: ``Resume`` once more, with the code.

    confirm: the code, good for the halts that stand now.
    symbol: the pair; empty for the whole portfolio.
    trigger: of the halt that asks for the second step.
    who: the operator who took the first one.
    until_ns: market time until which the code is good.
    """

    confirm: str
    symbol: str = ""
    trigger: str = "operator"
    who: str = "risk"
    until_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsChanged(Message):
    """Limits were changed at run time.

    old, new: the values of those that changed, by name.
    policy_before, policy: hashes of all that decides.
    over: what exceeds the new limits already, in words.
    """

    who: str
    reason: str
    old: dict[str, float]
    new: dict[str, float]
    policy_before: str
    policy: str
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProposed(Message):
    """The evidence allows the next phase, and an operator has to approve it. evidence: in words."""

    phase: str
    to_phase: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged(Message):
    """Another phase is in force.

    scale: multiplies the equity at risk.
    evidence: what the phase before had shown, in words.
    rehearsal: as in ``PortfolioMarked``.
    """

    phase_before: str
    phase: str
    scale: float
    who: str
    reason: str
    evidence: str = ""
    rehearsal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused(Message):
    """An operator's command was not carried out.

    reason: names field, value and remedy.
    nothing_to_do: what the command asks for is so already, so it is no fault.
    """

    command: str
    who: str
    reason: str
    nothing_to_do: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted(Message):
    """Something that an operator should look at before it halts anything.

    trigger: what would halt.
    symbol: the pair; empty for the whole portfolio.
    """

    trigger: str
    reason: str
    symbol: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionWrittenOff(Message):
    """A position was taken out of the books without a sale.

    quantity: base units; 0 when only orders were left of the pair.
    price: at which it was booked out, USDT per unit.
    cost_usdt: what had been paid for it.
    proceeds_usdt: quantity x price, which went to cash.
    """

    symbol: str
    who: str
    reason: str
    quantity: Decimal
    price: Decimal
    cost_usdt: Decimal
    proceeds_usdt: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWrittenOff(Message):
    """An order was taken out of the books without a word of its client.

    quantity: base units that were not filled.
    risk_usdt: what it reserved, USDT.
    client: whose order it was; empty where nobody was asked to report.
    """

    order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    risk_usdt: float
    client: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsImported(Message):
    """Positions that were opened elsewhere are in the books.

    cash_before, cash: USDT.
    nav_before, nav: USDT. What came in or went out is no gain and no loss: peaks of NAV moved along with it.
    heat_before, heat: fractions of NAV.
    over: what exceeds the limits by it, in words.
    client: who holds them; empty where nobody has to report.
    """

    who: str
    reason: str
    positions: tuple[BookedPosition, ...]
    cash_before: Decimal
    cash: Decimal
    nav_before: float
    nav: float
    heat_before: float
    heat: float
    over: tuple[str, ...] = ()
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRefused(Message):
    """A portfolio does not follow a signal. Others on the same server may.

    cause: the signal's id; empty where it could not be read.
    strategy, symbol: as the sender wrote them.
    code, field, reason, unanswered: as in ``ProposalRefused``.
    source, entry: where it stood, of a signal that could not be read.
    """

    strategy: str
    symbol: str
    code: str
    field: str
    reason: str
    source: str = ""
    entry: str = ""
    unanswered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRepaired(Message):
    """An operator mended what was wrong on the server, or accepted what it had lost.

    key: where on the server. problem: what was wrong. remedy: what was done.
    """

    who: str
    reason: str
    key: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt(Message):
    """Stop new risk. The fields are those of ``Halted``.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    symbol: str = ""
    mode: Literal["reducing", "halted"] = "halted"
    until_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Message):
    """End the halts of one pair, or of the whole portfolio.

    symbol: the pair; empty for the whole portfolio.
    confirm: the code of ``ResumeAsked``, for the second step.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str = ""
    symbol: str = ""
    confirm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Message):
    """Sell one pair's position at the market, or every position. symbol: the pair; empty for all.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPhase(Message):
    """Enter a phase of the plan's ramp, whatever the evidence says: an operator's own responsibility.

    phase: one of ``phases.toml``; the risk service refuses any other, with the names there are.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePhase(Message):
    """Approve the promotion to a phase that was proposed.

    phase: one of ``phases.toml``; the risk service refuses any other, with the names there are.
    reviews: risk reviews signed in the phase that ends.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    phase: str
    reviews: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimits(Message):
    """Change limits: all that are named or, when one is invalid, none. limits: by their names in ``limits.toml``.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    limits: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff(Message):
    """Take a pair that cannot be sold out of the books, with its stop and its orders.

    price: what a unit is booked out at, USDT; None for nothing.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    symbol: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffOrder(Message):
    """Take an order of which its client says nothing out of the books: what it reserves is free. Nothing is sold.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPositions(Message):
    """Take positions into the books that were opened elsewhere: all that are named or, when one does not fit, none.

    cash: USDT beside them once they are in; None leaves it as it is.
    cash_before: USDT that the books had when the operator looked. If they have another amount by then, nothing is
        booked; None for whatever they have.
    client: who holds them, where clients execute: it has to report their stops and to sell them.

    What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: str
    reason: str
    positions: tuple[PositionToImport, ...]
    cash: Decimal | None = None
    cash_before: Decimal | None = None
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAsked(Message):
    """What is the largest order that would be approved now?

    reply_to: the channel on which the answer is published.
    symbol: one pair; empty for every pair.
    stop_price: of the order that is meant, USDT per unit; None for the stop that sizing would set.
    limit_price: USDT per unit; None for an order at the market.
    strategy: who would propose it; a throttle counts by strategy.
    client: within whose bounds; empty for those of nobody.
    """

    reply_to: str
    symbol: str = ""
    stop_price: Decimal | None = None
    limit_price: Decimal | None = None
    strategy: str = "external"
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowAsked(Message):
    """What would the shadow limits have done? reply_to: the channel on which ``ShadowCounted`` is published."""

    reply_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAsked(Message):
    """What would the books be with these positions in them? Nothing is booked by asking.

    reply_to: the channel on which ``ImportAnswered`` is published.
    positions, cash, client: as in ``ImportPositions``.
    """

    reply_to: str
    positions: tuple[PositionToImport, ...]
    cash: Decimal | None = None
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAnswered(Message):
    """The answer to ``RoomAsked``. For many pairs it comes in several parts.

    nav: USDT; 0 when unknown.
    heat: fraction of NAV.
    rooms: one for each pair that was asked for.
    part, parts: which part this is, and of how many.
    reason: why there is no room in it, for people.
    policy: hash of all that decides.
    phase: of the ramp, in force.
    """

    reply_to: str
    nav: float
    heat: float
    rooms: tuple[Room, ...]
    part: int = 1
    parts: int = 1
    reason: str = ""
    policy: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowCounted(Message):
    """The answer to ``ShadowAsked``: how many decisions the shadow limits would have made differently.

    policy: hash of all that decides under the shadow limits; empty when there are none.
    decisions: orders that opened risk, so far.
    would_trim, would_reject, would_allow_more: how many of them would have got less, nothing, or more.
    by_rule: those decisions by the rule that would bind; where more would be allowed, by the rule that bound.
    summary: all of it in one sentence.
    since_ns: market time of the first decision that was counted; 0 before it.
    """

    reply_to: str
    policy: str
    decisions: int
    would_trim: int
    would_reject: int
    would_allow_more: int
    by_rule: dict[str, int]
    summary: str
    since_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAnswered(Message):
    """The answer to ``ImportAsked``. For many positions it comes in several parts, of which each has its own rows.

    rows: the positions.
    faults: what else does not fit, for people.
    cash_before, cash: USDT, now and once they are in.
    nav_before, nav: the same of NAV, USDT; 0 when unknown.
    heat_before, heat: the same of heat, fractions of NAV.
    heat_limit: fraction of NAV.
    over: what would exceed the limits, in words. It is booked all the same, and no new risk is approved there.
    part, parts: which part this is, and of how many.
    """

    reply_to: str
    rows: tuple[ImportRow, ...]
    faults: tuple[str, ...]
    cash_before: Decimal
    cash: Decimal
    nav_before: float
    nav: float
    heat_before: float
    heat: float
    heat_limit: float
    over: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRefused(Message):
    """Bytes that could not be read as a message, or a message that a machine does not believe; from where, and why.

    cause: the message's id, where it is one.
    source: the stream or channel.
    entry: the stream entry's id; empty for a channel.
    field: where reading failed, or which field is not believed; ``$`` for the whole.
    reason: why, for people.
    body: the first 4096 bytes as they came.
    size_bytes: how long they were.
    consumer: the service that refused them.
    """

    source: str
    entry: str
    field: str
    reason: str
    body: bytes
    size_bytes: int
    consumer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySetAside(Message):
    """An entry that a service failed at again and again, and passed over; or a bar at which a strategy file failed.

    The gate halts what depends on it. The entry itself stands on ``hs:dead``.

    cause: the id of the message that it held.
    service: who failed at it.
    portfolio: whose service that is; empty for one that serves all portfolios.
    source: the stream or channel; ``time`` for the passing of time.
    entry: the stream entry's id, or the bar's own where a strategy failed at it; empty for a channel.
    message: the type of the message.
    symbol: the pair that the message is about; empty for none.
    reason: why, for people.
    """

    service: str
    source: str
    portfolio: str = ""
    entry: str = ""
    message: str = ""
    symbol: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream and the channel of the same name.

    key: of the stream; the portfolio's name stands for ``P``, and a bar's for ``<timeframe>``.
    messages: what stands on it. durable: whether it is a stream at all; otherwise it is a channel only.
    client_key: of the queue that a client has for what it sends there; its name stands for ``<client>``.
    """

    key: str
    messages: tuple[type[Message], ...]
    durable: bool
    client_key: str = ""


TOPICS: dict[str, Topic] = {
    "bars": Topic(
        "hs:bars:<timeframe>",
        (BarClosed,),
        True,
    ),
    "marks": Topic(
        "hs:marks",
        (MarkChanged,),
        False,
    ),
    "books": Topic(
        "hs:books",
        (BookSampled,),
        False,
    ),
    "pairs": Topic(
        "hs:pairs",
        (PairListed,),
        True,
    ),
    "feeds": Topic(
        "hs:feeds",
        (FeedLost, FeedRestored),
        True,
    ),
    "signals": Topic(
        "hs:signals",
        (SignalRaised,),
        True,
    ),
    "sizes": Topic(
        "hs:{P}:sizes",
        (PositionSized,),
        True,
    ),
    "proposed": Topic(
        "hs:{P}:orders:proposed",
        (OrderProposed, StopRaised, CancelProposed),
        True,
        "hs:{P}:clients:<client>",
    ),
    "decided": Topic(
        "hs:{P}:orders:decided",
        (OrderDecided, StopApproved, CancelDecided, WriteOffDecided, ImportDecided, ProposalRefused),
        True,
    ),
    "executed": Topic(
        "hs:{P}:orders:executed",
        (OrderPlaced, OrderFilled, OrderClosed, StopPlaced, ReportAwaited, ReportRefused),
        True,
    ),
    "reported": Topic(
        "hs:{P}:orders:reported",
        (PlacedReported, FillReported, ClosedReported, StopReported),
        True,
        "hs:{P}:reports:<client>",
    ),
    "portfolio": Topic(
        "hs:{P}:portfolio",
        (PortfolioMarked,),
        True,
    ),
    "halts": Topic(
        "hs:{P}:halts",
        (Halted, Resumed, ResumeAsked),
        True,
    ),
    "audit": Topic(
        "hs:{P}:audit",
        (
            LimitsChanged,
            PhaseProposed,
            PhaseChanged,
            CommandRefused,
            Alerted,
            PositionWrittenOff,
            OrderWrittenOff,
            PositionsImported,
            SignalRefused,
            StoreRepaired,
            Halted,
            Resumed,
            ResumeAsked,
        ),
        True,
    ),
    "control": Topic(
        "hs:{P}:control",
        (Halt, Resume, Flatten, SetPhase, ApprovePhase, SetLimits, WriteOff, WriteOffOrder, ImportPositions),
        True,
    ),
    "ask": Topic(
        "hs:{P}:ask",
        (RoomAsked, ShadowAsked, ImportAsked),
        False,
    ),
    "answers": Topic(
        "hs:{P}:answers",
        (RoomAnswered, ShadowCounted, ImportAnswered),
        False,
    ),
    "dead": Topic(
        "hs:dead",
        (MessageRefused,),
        True,
    ),
    "set-aside": Topic(
        "hs:set-aside",
        (EntrySetAside,),
        True,
    ),
}


# By the name that a message has in its field ``type``.
KINDS: dict[str, type[Message]] = {kind.__name__: kind for topic in TOPICS.values() for kind in topic.messages}
