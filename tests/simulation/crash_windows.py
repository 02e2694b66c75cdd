"""Real crash windows through the real machines: ``make crash-windows`` prints a table for each of them.

Hourly klines of every pair that was listed then, hourly strategies, the phase ``live``, NAV 200,000 USDT. Nobody knows
the prices within an hour, so each window is played on two markets that bound the truth:

- smooth: an hour that touches a stop fills it there (less spread and slippage), as if the price had walked through it;
- jumping: the price is seen at the open, at both extremes and at the close only, twenty minutes apart, and jumps from
  one to the next. A stop fills at the extreme.

On each market with breakers and without; the limits on orders hold always. There are no books, so the rules that need
one are off; so is the liquidity breaker, for the pairs of those years traded less. A halt of the portfolio that waits
for an operator is resumed by one a day later.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import get_args

from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.klines.columns import Columns
from shared.adapters.klines.kline_file import KlineFile
from shared.config.model import Settings
from shared.domain.plan import BreakerName, BreakerPlan, Limits, PhasePlan, Plan, StrategyPlan
from shared.messages.base import Message
from shared.messages.control import Resume
from shared.messages.halts import Alerted, Halted, ResumeAsked
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import OrderDecided, OrderFilled, OrderProposed, StopPlaced
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.replay import Replay
from tests.history import DAY_MS, HOUR_MS, by_close, daily_bars, exchange_symbols, hourly_bars, ms_of
from tests.shipped import shipped_universe

HISTORY_DAYS, WARM_HOURS, SPEED, NAV = 70, 60, 3600.0, 200_000.0
MINUTE_NS = 60_000_000_000
RESUMED_AFTER_NS = 24 * 60 * MINUTE_NS
STRATEGIES = (
    StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=0.5, parameters={"entry": 20, "exit": 10}),
    StrategyPlan(name="momentum", kind="momentum", timeframe="1h", weight=0.5, parameters={"fast": 10, "slow": 40}),
)
LIMITS = Limits(book_age_seconds=0.0)
ALL_ON, ALL_OFF = BreakerPlan(off=("liquidity",)), BreakerPlan(off=get_args(BreakerName))
PER_1000 = {"SHIBUSDT"}  # the futures file has the contract on a thousand


@dataclass(frozen=True)
class Window:
    """``days`` from ``start`` on are traded; what comes before is history."""

    title: str
    start: str
    days: float
    file: str = "hourly_spot.parquet"


WINDOWS = (
    Window("May 2022: Terra and LUNA", "2022-04-28", 16),
    Window("November 2022: FTX", "2022-10-28", 14),
    Window("August 2024: the yen carry trade", "2024-07-24", 14),
    Window("October 2025: the liquidation cascade", "2025-10-01", 12, "hourly_um_futures.parquet"),
)


# --- the market -------------------------------------------------------------------------------------------------------


def columns_of(data: Path, window: Window) -> dict[str, Columns]:
    """Hourly klines by exchange symbol, history included, per single unit."""
    start_ms = ms_of(window.start)
    file = KlineFile(data / window.file, start_ms)
    until_ms = start_ms + int(window.days * DAY_MS)
    found = file.read(set(exchange_symbols(shipped_universe())), start_ms - HISTORY_DAYS * DAY_MS, until_ms)
    if window.file == "hourly_um_futures.parquet":
        for symbol in PER_1000 & set(found):
            c = found[symbol]
            found[symbol] = replace(
                c, open=c.open / 1e3, high=c.high / 1e3, low=c.low / 1e3, close=c.close / 1e3, volume=c.volume * 1e3
            )
    return {symbol: columns for symbol, columns in found.items() if columns.open_ms[-1] >= start_ms}


def market(data: Path, window: Window) -> tuple[list[Message], list[list[BarClosed]]]:
    """The pairs, and all bars in groups of equal closing time."""
    live_ms, names = ms_of(window.start), exchange_symbols(shipped_universe())
    pairs: list[Message] = []
    bars: list[BarClosed] = []
    for exchange_symbol, columns in columns_of(data, window).items():
        symbol = names[exchange_symbol]
        pairs.append(
            PairListed(
                id=f"listed-{symbol}", time_ns=0, symbol=symbol, status="trading", price_step=Decimal("0.00000001"),
                quantity_step=Decimal("0.001"), min_notional=Decimal(5),
            )
        )  # fmt: skip
        bars += daily_bars(symbol, columns, live_ms)
        warm_from_ns = (live_ms - WARM_HOURS * HOUR_MS) * 1_000_000
        bars += [bar for bar in hourly_bars(symbol, columns, live_ms) if bar.open_time_ns >= warm_from_ns]
    return pairs, list(by_close(bars))


def within(bars: list[BarClosed]) -> Iterator[list[MarkChanged]]:
    """The hour before these bars closed, in jumps: the open, then the two extremes."""
    live = [bar for bar in bars if bar.timeframe == "1h" and not bar.backfilled]
    for number in range(3 if live else 0):
        marks = []
        for bar in live:
            rises = bar.close >= bar.open
            price = (bar.open, bar.low if rises else bar.high, bar.high if rises else bar.low)[number]
            time_ns = bar.open_time_ns + number * 20 * MINUTE_NS + 1_000_000
            marks.append(MarkChanged(id=f"m-{bar.id}-{number}", time_ns=time_ns, symbol=bar.symbol, price=price))
        yield marks


def replayed(
    pairs: list[Message], groups: list[list[BarClosed]], breakers: BreakerPlan, *, jumping: bool, client: bool = False
) -> list[Message]:
    """Everything that the machines made of it. client: beside them somebody asks for a little of every pair every hour,
    deaf to halts.
    """
    plan = Plan(
        strategies=STRATEGIES,
        limits=LIMITS,
        breakers=breakers,
        phases=(PhasePlan(name="live", scale=1.0, paper=True),),
        phase="live",
    )
    settings, clock = Settings(universe=shipped_universe(), plan=plan), ManualClock(speed=SPEED)
    specs = machine_specs(settings, clock)
    replay = Replay(specs, settings.keys)
    outputs = replay.feed(pairs)
    waiting: list[Halted] = []
    for group in groups:
        made: list[Message] = []
        for marks in within(group) if jumping else ():
            made += replay.feed(marks)
        made += replay.feed(group)
        made += replay.feed(asked_for(group)) if client else ()
        waiting += [each for each in made if isinstance(each, Halted) and not each.symbol and not _ends_itself(each)]
        if waiting and group[0].time_ns - waiting[0].time_ns >= RESUMED_AFTER_NS:
            made += _resumed(replay, group[0].time_ns)
            waiting.clear()
        outputs += made
    return outputs


def asked_for(bars: list[BarClosed]) -> list[OrderProposed]:
    """A purchase of 20 USDT in every pair whose hour has just closed."""
    return [
        OrderProposed(
            id=f"client-{bar.id.replace('/', '')}", time_ns=bar.time_ns, symbol=bar.symbol, side="buy",
            quantity=(Decimal(20) / Decimal(bar.close)).quantize(Decimal("0.001"), ROUND_UP), strategy="client",
            stop_price=(Decimal(bar.close) * Decimal("0.9")).quantize(Decimal("0.00000001")),
        )
        for bar in bars
        if bar.timeframe == "1h" and not bar.backfilled
    ]  # fmt: skip


def _ends_itself(halt: Halted) -> bool:
    return halt.cleared_by in ("time", "condition")


def _resumed(replay: Replay, now_ns: int) -> list[Message]:
    """An operator's two steps."""
    made = replay.feed([Resume(id=f"resume-{now_ns}", time_ns=now_ns, who="operator", reason="a day later")])
    for asked in [each for each in made if isinstance(each, ResumeAsked)]:
        code = asked.confirm
        again = Resume(id=f"again-{now_ns}", time_ns=now_ns, who="operator", reason="a day later", confirm=code)
        made += replay.feed([again])
    return made


# --- what came of it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoppedOut:
    """Losses in USDT, fees aside, against what the position had cost; negative ones are gains."""

    symbol: str
    time_ns: int
    stop: float
    price: float
    loss_at_stop: float
    loss_at_fill: float

    @property
    def slipped(self) -> float:
        """How far below its stop it filled, as a fraction."""
        return 1.0 - self.price / self.stop


@dataclass
class Outcome:
    """One replay in figures; fractions are of NAV."""

    heat_max: float = 0.0  # of every snapshot, and right after every verdict: reserved risk may be gone by the next one
    heat_approved_max: float = 0.0
    drawdown_max: float = 0.0
    utilisation_max: float = 0.0
    nav_end: float = NAV
    verdicts: Counter[str] = field(default_factory=Counter)
    held_back: int = 0  # proposals that a halt rejected
    halts: list[Halted] = field(default_factory=list)
    alerts: list[Alerted] = field(default_factory=list)
    stopped: list[StoppedOut] = field(default_factory=list)


def outcome_of(messages: list[Message]) -> Outcome:
    found = Outcome()
    held: dict[str, tuple[Decimal, Decimal]] = {}  # quantity and cost
    stops: dict[str, Decimal] = {}
    for message in messages:
        match message:
            case PortfolioMarked():
                found.heat_max = max(found.heat_max, message.heat - message.heat_stops_hit)
                found.drawdown_max = max(found.drawdown_max, message.drawdown)
                found.utilisation_max = max(found.utilisation_max, message.utilisation)
                found.nav_end = message.nav
            case OrderDecided():
                found.heat_max = max(found.heat_max, message.heat_after)
                if message.side == "sell":
                    continue
                found.verdicts[message.verdict] += 1
                found.held_back += message.binding == "halted"
                if message.quantity_approved:
                    found.heat_approved_max = max(found.heat_approved_max, message.heat_after)
            case Halted():
                found.halts.append(message)
            case Alerted():
                found.alerts.append(message)
            case StopPlaced():
                stops[message.symbol] = message.stop_price
            case OrderFilled():
                _book(message, held, stops, found.stopped)
    return found


def _book(
    fill: OrderFilled, held: dict[str, tuple[Decimal, Decimal]], stops: dict[str, Decimal], stopped: list[StoppedOut]
) -> None:
    quantity, cost = held.get(fill.symbol, (Decimal(0), Decimal(0)))
    if fill.side == "buy":
        held[fill.symbol] = (quantity + fill.quantity, cost + fill.quantity * fill.price)
        return
    paid = cost / quantity
    held[fill.symbol] = (quantity - fill.quantity, cost - paid * fill.quantity)
    if fill.stop:
        stop = stops[fill.symbol]
        losses = (float((paid - price) * fill.quantity) for price in (stop, fill.price))
        stopped.append(StoppedOut(fill.symbol, fill.time_ns, float(stop), float(fill.price), *losses))


# --- the table --------------------------------------------------------------------------------------------------------


def thin_pairs(groups: list[list[BarClosed]]) -> int:
    """How many pairs were under the criterion of daily volume at the start."""
    volumes: dict[str, list[float]] = {}
    for bar in (bar for group in groups for bar in group if bar.timeframe == "1d" and bar.backfilled):
        volumes.setdefault(bar.symbol, []).append(bar.quote_volume)
    return sum(sum(days[-20:]) / 20 < ALL_ON.min_adv_usdt for days in volumes.values())


def table(title: str, pairs: int, thin: int, outcomes: list[Outcome]) -> Iterator[str]:
    """``outcomes``: smooth with breakers and without, jumping with and without."""
    yield f"{title}  ({pairs} pairs, {thin} of them with an ADV under {ALL_ON.min_adv_usdt / 1e6:.0f}M USDT)"
    yield f"  {'':34}{'smooth market':>24}{'jumping market':>28}"
    yield f"  {'':34}" + f"{'breakers':>14}{'none':>14}" * 2
    for name, figure in ROWS:
        yield f"  {name:34}" + "".join(f"{figure(outcome):>14}" for outcome in outcomes)
    for market_name, on in (("smooth", outcomes[0]), ("jumping", outcomes[2])):
        yield from fired(market_name, on)
    worst = max(outcomes[3].stopped, key=lambda each: each.slipped, default=None)
    if worst is not None:
        figures = f"stop {worst.stop:.6g}, filled {worst.price:.6g} ({worst.slipped:.2%} below)"
        losses = f"loss at the stop {worst.loss_at_stop:,.0f}, at the fill {worst.loss_at_fill:,.0f} USDT"
        yield f"  worst stop, jumping, no breakers: {worst.symbol} {_when(worst.time_ns)}: {figures}; {losses}"


def fired(market_name: str, on: Outcome) -> Iterator[str]:
    """Which breakers fired and when, the first of each kind in its own words."""
    for (trigger, where), halts in _grouped(on.halts).items():
        first, last = _when(halts[0].time_ns), _when(halts[-1].time_ns)
        span = first if len(halts) == 1 else f"{first} to {last}"
        words = f"{halts[0].symbol} {halts[0].reason}".strip()
        yield f"  {market_name:8} {trigger:13} {where:9} {len(halts):>4} x  {span:37} {words}"
    for alert in on.alerts:
        yield f"  {market_name:8} {'warned':13} {alert.trigger:16} {_when(alert.time_ns):37} {alert.reason}"
    if not on.halts:
        yield f"  {market_name:8} no breaker fired"


def _grouped(halts: list[Halted]) -> dict[tuple[str, str], list[Halted]]:
    """By breaker, and whether it was of the portfolio or of pairs."""
    groups: dict[tuple[str, str], list[Halted]] = {}
    for halt in halts:
        groups.setdefault((halt.trigger, "pairs" if halt.symbol else "portfolio"), []).append(halt)
    return groups


def _when(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M")


ROWS = (
    ("heat, at most", lambda o: f"{o.heat_max:.2%}"),
    ("heat after an approval, at most", lambda o: f"{o.heat_approved_max:.2%}"),
    ("utilisation, at most", lambda o: f"{o.utilisation_max:.1%}"),
    ("drawdown, at most", lambda o: f"{o.drawdown_max:.2%}"),
    ("NAV at the end, USDT", lambda o: f"{o.nav_end:,.0f}"),
    ("buys approved", lambda o: str(o.verdicts["approve"])),
    ("buys trimmed", lambda o: str(o.verdicts["trim"])),
    ("buys rejected", lambda o: str(o.verdicts["reject"])),
    ("  of them by a halt", lambda o: str(o.held_back)),
    ("halts", lambda o: str(len(o.halts))),
    ("stops hit", lambda o: str(len(o.stopped))),
    ("  filled over 1 % below the stop", lambda o: str(sum(each.slipped > 0.01 for each in o.stopped))),
    ("loss at the stops, USDT", lambda o: f"{sum(each.loss_at_stop for each in o.stopped):,.0f}"),
    ("loss at the fills, USDT", lambda o: f"{sum(each.loss_at_fill for each in o.stopped):,.0f}"),
)


def main() -> None:
    data = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not data.is_dir():
        sys.exit("no market history beside the repository (../shared/data)")
    for window in WINDOWS:
        pairs, groups = market(data, window)
        outcomes = [
            outcome_of(replayed(pairs, groups, breakers, jumping=jumping))
            for jumping in (False, True)
            for breakers in (ALL_ON, ALL_OFF)
        ]
        print("\n".join(table(window.title, len(pairs), thin_pairs(groups), outcomes)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
