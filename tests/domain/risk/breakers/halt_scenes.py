"""What tests of halts add to the harness: one breaker alone, what is in force, and a restart in the middle."""

from msgspec import Struct, structs

from shared.domain.plan import BreakerPlan
from shared.domain.risk.breakers import BREAKERS
from shared.domain.risk.machine import RiskMachine
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import OrderFilled
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, D, RiskHarness, stop_id
from tests.samples import T0, bar

HOUR_NS = 3_600_000_000_000
MINUTE_NS = HOUR_NS // 60


def only(*names: str, **changes: object) -> BreakerPlan:
    """These breakers and no others."""
    off = tuple(each.name for each in BREAKERS if each.name not in names)
    return structs.replace(BreakerPlan(off=off), **changes)


def in_force(harness: RiskHarness) -> list[tuple[str, str, str]]:
    """(symbol, trigger, mode) of every halt."""
    return [(halt.symbol, halt.trigger, halt.mode) for halt in harness.machine.state.halts.all()]


def halt_of(harness: RiskHarness, symbol: str, trigger: str) -> Halted:
    found = harness.machine.state.halts.get(symbol, trigger)  # type: ignore[arg-type]
    assert found is not None
    return found


def resumed(harness: RiskHarness) -> list[Resumed]:
    return [message for message in harness.made if isinstance(message, Resumed)]


def restart(harness: RiskHarness, *history: BarClosed) -> None:
    """A new machine over the same records, as a host does it: records, then history, then ``restored``."""
    old = harness.machine
    rows = {f"{kind}:{name}": row for kind in old.records.kinds for name, row in old.records.rows(kind, Struct)}
    new = RiskMachine(harness.plan, UNIVERSE, portfolio="main", starting_cash_usdt=200_000.0, speed=old.state.speed)
    new.records.load(rows)
    for listing in old.state.listings.values():
        assert isinstance(listing, PairListed)
        new.warm(listing)
    for symbol in UNIVERSE.symbols:
        for day in range(30):
            daily = bar(symbol, timeframe="1d", hour=24 * day, close=PRICES[symbol.partition("/")[0]])
            new.warm(structs.replace(daily, quote_volume=100_000_000.0))
    for each in history:
        new.warm(each)
    new.restored()
    harness.machine = new
    harness.pass_time(0)


def switch(harness: RiskHarness, breakers: BreakerPlan) -> None:
    """A restart with other breakers in the configuration."""
    harness.plan = structs.replace(harness.plan, breakers=breakers)
    restart(harness)


def jump(harness: RiskHarness, symbol: str, price: float, *, seconds: float = 1.0) -> None:
    """A mark some seconds after the last one."""
    harness.pass_time(seconds)
    harness.mark(symbol, price)


def hourly(
    harness: RiskHarness, symbol: str, hour: int, *, opened: float, close: float, **changes: object
) -> BarClosed:
    """An hourly bar, ``hour`` hours into the harness's last day; market time is at its close after it."""
    base = structs.replace(bar(symbol, hour=30 * 24 + hour, close=close), open=opened, **changes)
    harness.now_ns = max(harness.now_ns, base.close_time_ns)
    harness.pass_time(0)
    harness.handle(base)
    return base


def held(harness: RiskHarness, symbol: str, quantity: str, stop: float) -> None:
    """A position with its stop."""
    harness.fill(harness.buy(symbol, quantity, stop=stop))


def stop_fill(harness: RiskHarness, symbol: str, quantity: str, price: str, *, stop: bool | None = True) -> None:
    """The protective stop of a position fills. stop: what the fill says of that; None: nothing, as it was once."""
    amount, at = D(quantity), D(price)
    harness.handle(
        OrderFilled(
            id=f"f-{symbol}-{price}", time_ns=harness.now_ns, order_id=stop_id(symbol),
            trade_id=f"t-{symbol}-{price}", symbol=symbol, side="sell", quantity=amount, price=at, fee_usdt=D(1),
            stop=stop,
        )
    )  # fmt: skip


def feed_lost(harness: RiskHarness, feed: str, symbol: str = "", *, last_seen_ns: int | None = None) -> None:
    """last_seen_ns: a second ago, if not told; 0: never."""
    seen_ns = harness.now_ns - 1_000_000_000 if last_seen_ns is None else last_seen_ns
    harness.handle(
        FeedLost(
            id=f"lost-{feed}-{symbol}", time_ns=harness.now_ns, feed=feed, symbol=symbol, reason="quiet",
            last_seen_ns=seen_ns,
        )
    )  # fmt: skip


def feed_restored(harness: RiskHarness, feed: str, symbol: str = "") -> None:
    harness.handle(FeedRestored(id=f"back-{feed}-{symbol}", time_ns=harness.now_ns, feed=feed, symbol=symbol))


def mark_at(harness: RiskHarness, symbol: str, price: float, time_ns: int) -> None:
    harness.handle(MarkChanged(id=f"mark-{symbol}-{time_ns}", time_ns=time_ns, symbol=symbol, price=price))


__all__ = ["HOUR_NS", "MINUTE_NS", "T0"]
