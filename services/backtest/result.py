"""What a backtest recorded, as plain data: reports, comparisons and sweeps are made of it, and it is written as JSON.

Times are nanoseconds since 1970, UTC, market time. Money is in USDT. Fractions are of NAV unless it says otherwise.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

MarketKind = Literal["smooth", "jumping"]
FillMoment = Literal["close", "next_open"]
BookOrigin = Literal["recorded", "modelled", "none"]
ExitReason = Literal["signal", "stop", "flatten", "heat", "delisted", "end"]


class Digests(Struct, frozen=True, kw_only=True):
    """SHA-256 of what a run was made of, in hexadecimal. The same three give the same bytes.

    data: the bars that were read. config: plan, universe and options. code: heatsink's own source, and strategy files.
    """

    data: str
    config: str
    code: str


class Goals(Struct, frozen=True, kw_only=True):
    """What the plan watches, and the scorecard holds a run against. Fractions of NAV, but the Sharpe ratio."""

    utilisation_low: float = 0.80
    utilisation_high: float = 0.90
    sharpe: float = 1.0
    drawdown: float = 0.15
    heat: float = 0.08
    pair: float = 0.05
    sector: float = 0.25
    day_loss: float = 0.05


class RunSetup(Struct, frozen=True, kw_only=True):
    """With what a run was made.

    command: that repeats it.
    market: how the price moved within a bar; ``docs/backtest.md`` says what each means.
    fill: when an order at the market fills: at the close of the bar that led to it, or at the next open.
    bars: the timeframe of the market that stops and orders meet.
    resume_after_hours: market hours after which the operator resumes a halt that waits for one; None for never.
    phases: how phases follow each other.
    books: where the books came from by which spreads are judged: ``recorded``, ``modelled``, or ``none`` (rules off).
    cost_factor: by which fees, spread and slippage were multiplied.
    rules_off: rules and breakers that could not act, and why, in words.
    assumptions: what else the run takes for granted, in words.
    goals: what the plan watches.
    """

    command: str
    heatsink: str
    market: MarketKind
    fill: FillMoment
    bars: str
    strategies: tuple[str, ...]
    resume_after_hours: float | None
    phases: Literal["by_date", "by_evidence"]
    books: BookOrigin
    cost_factor: float
    rules_off: tuple[str, ...]
    assumptions: tuple[str, ...]
    digests: Digests
    goals: Goals = Goals()


class Curve(Struct, frozen=True, kw_only=True):
    """The portfolio once an hour, when all that followed from that instant had settled. All lists have one length.

    heat: the most of that hour; approved and not yet filled orders count.
    drawdown: from the highest NAV of all time, the most of that hour.
    """

    time_ns: list[int]
    nav: list[float]
    cash: list[float]
    heat: list[float]
    heat_limit: list[float]
    utilisation: list[float]
    drawdown: list[float]
    positions: list[int]


class Exposure(Struct, frozen=True, kw_only=True):
    """Notional held at the first instant of each UTC day, USDT. A list for each name, as long as ``day_ns``."""

    day_ns: list[int]
    pairs: dict[str, list[float]]
    sectors: dict[str, list[float]]


class Fill(Struct, frozen=True, kw_only=True):
    """One execution and what it cost.

    reference: the price of the market that it began from, without any cost, USDT per unit.
    fee, spread, slippage: USDT; reference x quantity + (or, on a sell, -) the three of them is the cash that moved.
    stop: the stop's price where a stop sold; None otherwise. The price had gapped where ``reference`` is under it.
    """

    time_ns: int
    order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    reference: Decimal
    fee: Decimal
    spread: Decimal
    slippage: Decimal
    strategy: str
    liquidity: Literal["maker", "taker"] = "taker"
    stop: Decimal | None = None


class Trade(Struct, frozen=True, kw_only=True):
    """A position from its first purchase until it was gone, or until the end of the run.

    entry, exit: mean prices of the purchases and the sales, USDT per unit, costs within.
    quantity: all that was bought, in base units.
    invested: the most that it had cost at once, USDT.
    entry_reason: the strategies that wanted it when it was bought, with commas between.
    gross: what it made at the prices of the market, USDT; net = gross - fees - spread - slippage.
    open: it was still held at the end, and counts at its last price.
    hangs_on_order: entry and stop fell into one bar, whose order of prices nobody knows: the worse was taken.
    """

    symbol: str
    sector: str
    strategy: str
    opened_ns: int
    closed_ns: int
    quantity: Decimal
    entry: Decimal
    exit: Decimal
    invested: Decimal
    gross: Decimal
    fees: Decimal
    spread: Decimal
    slippage: Decimal
    net: Decimal
    entry_reason: str
    exit_reason: ExitReason
    fills: int
    open: bool = False
    hangs_on_order: bool = False


class RuleTally(Struct, frozen=True, kw_only=True):
    """What one rule did to proposed purchases: it is counted where it set the verdict.

    kept_out: notional asked for and not approved, USDT at the mark.
    """

    rule: str
    trimmed: int
    rejected: int
    kept_out: float


class Verdicts(Struct, frozen=True, kw_only=True):
    """All verdicts of the run. asked, approved: notional of purchases, USDT at the mark."""

    approve: int
    trim: int
    reject: int
    sells: int
    asked: float
    approved: float
    rules: tuple[RuleTally, ...]


class HaltSpan(Struct, frozen=True, kw_only=True):
    """One halt, from its beginning to its end.

    symbol: empty for the whole portfolio.
    end_ns: 0 where it still stood at the end of the run.
    refused: purchases that it rejected.
    kept_out: their notional, USDT: of every pair the first purchase that was refused, for the next ones ask again.
    saved: what those first ones would have lost until the halt's end, at the closes of the market and without costs,
        USDT; below zero where the halt cost money.
    """

    trigger: str
    symbol: str
    mode: str
    begin_ns: int
    end_ns: int
    reason: str
    evidence: str
    ended_by: str
    refused: int
    kept_out: float
    saved: float


class PhaseSpan(Struct, frozen=True, kw_only=True):
    """From when on a phase was in force, and why."""

    phase: str
    scale: float
    since_ns: int
    reason: str


class PairCoverage(Struct, frozen=True, kw_only=True):
    """What the store had of a pair.

    first_ns, last_ns: opening times of its first and last bar within the run; 0 where there is none.
    bars: of ``RunSetup.bars``; missing: how many are not there between the two.
    tradable_ns: when it had enough daily history for its first size; 0 for never.
    listed: it traded when the run began. ended: its bars end before the run does, so it was sold at its last price.
    names: under which the store has it, former ones included.
    """

    symbol: str
    sector: str
    first_ns: int
    last_ns: int
    bars: int
    missing: int
    tradable_ns: int
    listed: bool
    ended: bool
    names: tuple[str, ...]


class Run(Struct, frozen=True, kw_only=True):
    """One run over one market: all that was recorded of it.

    start_ns, end_ns: the first instant that was traded, and the last one.
    starting_nav: USDT.
    instants: closing times that were played; bars: how many bars were.
    signals: raised by strategy. raises: stops that were raised.
    market_returns: of an equal-weighted basket of all pairs, once a UTC day, as fractions: what the market did.
    """

    setup: RunSetup
    start_ns: int
    end_ns: int
    starting_nav: float
    instants: int
    bars: int
    curve: Curve
    exposure: Exposure
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    verdicts: Verdicts
    halts: tuple[HaltSpan, ...]
    phases: tuple[PhaseSpan, ...]
    coverage: tuple[PairCoverage, ...]
    signals: dict[str, int]
    raises: int
    alerts: int
    market_returns: list[float]


class Variant(Struct, frozen=True, kw_only=True):
    """The same run with one thing otherwise: how much the result hangs on it.

    name: what is otherwise, for people: ``jumping market``, ``2 x costs``, ``filled at the next open``.
    """

    name: str
    market: MarketKind
    fill: FillMoment
    cost_factor: float
    nav_end: float
    total_return: float
    sharpe: float | None
    max_drawdown: float
    max_heat: float
    trades: int
    stops: int
    halts: int


class Backtest(Struct, frozen=True, kw_only=True):
    """A run, and the variants that bound it. digest: SHA-256 of the run as JSON, in hexadecimal."""

    run: Run
    variants: tuple[Variant, ...]
    digest: str
