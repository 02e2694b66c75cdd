"""Bars, listings, signals and verdicts for tests of sizing and execution that read as scripts."""

from decimal import Decimal

from shared.domain.plan import Plan, SizingPlan, StrategyPlan
from shared.domain.universe import Pair, Universe
from shared.messages.base import Message, TimePassed
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import OrderDecided, OrderProposed, StopApproved
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import SignalRaised

D = Decimal
T0 = 1_667_260_800_000_000_000  # 2022-11-01 00:00 UTC
HOUR = 3_600_000_000_000
DAY = 24 * HOUR
LENGTHS = {"1m": HOUR // 60, "15m": HOUR // 4, "1h": HOUR, "1d": DAY}
BTC, ETH = "BTC/USDT", "ETH/USDT"
UNIVERSE = Universe(
    pairs=(Pair(base="BTC", quote="USDT", sector="Majors"), Pair(base="ETH", quote="USDT", sector="Majors"))
)


def strategy(name: str, *, timeframe: str = "1h", weight: float = 1.0, **parameters: float) -> StrategyPlan:
    return StrategyPlan(name=name, kind="donchian", timeframe=timeframe, weight=weight, parameters=parameters)


def one_hour_plan(**changes: object) -> Plan:
    """One strategy on hourly bars, live, so that sizes are those of the table in risk-maths.md."""
    fields: dict[str, object] = {"phase": "live", "strategies": (strategy("trend"),), "sizing": SizingPlan()}
    return Plan(**(fields | changes))  # type: ignore[arg-type]


def ohlc(
    hour: float,
    open_: float,
    high: float,
    low: float,
    close: float,
    *,
    symbol: str = BTC,
    timeframe: str = "1h",
    quote_volume: float = 1e9,
) -> BarClosed:
    """A bar that opens ``hour`` hours after T0."""
    opened = T0 + int(hour * HOUR)
    closed = opened + LENGTHS[timeframe] - 1_000_000
    name = f"{symbol.replace('/', '')}-{timeframe}-{opened // 1_000_000}"
    return BarClosed(
        id=name, trace=name, time_ns=closed, symbol=symbol, timeframe=timeframe, open_time_ns=opened,
        close_time_ns=closed, open=open_, high=high, low=low, close=close, volume=1.0, quote_volume=quote_volume,
    )  # fmt: skip


def flat(hour: float, price: float = 100.0, *, symbol: str = BTC, timeframe: str = "1h") -> BarClosed:
    """A bar that stands still at ``price``."""
    return ohlc(hour, price, price, price, price, symbol=symbol, timeframe=timeframe)


def days(
    count: int, *, symbol: str = BTC, price: float = 100.0, atr_pct: float = 0.1, adv_usdt: float = 1e9, until: int = 0
) -> list[BarClosed]:
    """``count`` days that end where hour ``until`` begins, each with a true range of ``atr_pct`` of the price."""
    half = price * atr_pct / 2
    return [
        ohlc(until - 24 * (count - day), price, price + half, price - half, price, symbol=symbol, timeframe="1d",
             quote_volume=adv_usdt)
        for day in range(count)
    ]  # fmt: skip


def listed(symbol: str = BTC, **changes: object) -> PairListed:
    fields: dict[str, object] = {
        "id": f"listed-{symbol}", "time_ns": T0, "symbol": symbol, "status": "trading", "price_step": D("0.01"),
        "quantity_step": D("0.001"), "min_quantity": D("0.001"), "min_notional": D(5),
    }  # fmt: skip
    return PairListed(**(fields | changes))  # type: ignore[arg-type]


def signal(
    strength: float, *, hour: float = 0, symbol: str = BTC, name: str = "trend", expires_ns: int = 0
) -> SignalRaised:
    time_ns = T0 + int(hour * HOUR)
    return SignalRaised(
        id=f"signal-{name}-{symbol}-{time_ns}-{strength}", time_ns=time_ns, trace=f"trace-{hour}", strategy=name,
        symbol=symbol, strength=strength, timeframe="1h", expires_ns=expires_ns,
    )  # fmt: skip


def nav(amount: float = 200_000.0, *, hour: float = 0, phase: str = "live") -> PortfolioMarked:
    return PortfolioMarked(
        id=f"portfolio-{hour}", time_ns=T0 + int(hour * HOUR), nav=amount, cash=D(0), heat=0.0, heat_open=0.0,
        heat_reserved=0.0, heat_limit=0.08, utilisation=0.0, drawdown=0.0, positions=(), sectors={}, phase=phase, seq=1,
    )  # fmt: skip


def time(hour: float) -> TimePassed:
    time_ns = T0 + int(hour * HOUR)
    return TimePassed(id=f"time-{time_ns}", time_ns=time_ns)


def mark(price: float, *, hour: float = 0, symbol: str = BTC, bid: float = 0.0, ask: float = 0.0) -> MarkChanged:
    time_ns = T0 + int(hour * HOUR)
    return MarkChanged(
        id=f"mark-{symbol}-{time_ns}-{price}", time_ns=time_ns, symbol=symbol, price=price, bid=bid, ask=ask
    )


def decided(
    order_id: str = "o-1",
    *,
    side: str = "buy",
    quantity: str = "1",
    hour: float = 0,
    symbol: str = BTC,
    **changes: object,
) -> OrderDecided:
    fields: dict[str, object] = {
        "id": f"decided-{order_id}", "cause": order_id, "trace": f"trace-{order_id}", "time_ns": T0 + int(hour * HOUR),
        "order_id": order_id, "symbol": symbol, "side": side, "verdict": "approve", "quantity_requested": D(quantity),
        "quantity_approved": D(quantity), "binding": "", "reason": "", "ceilings": (), "heat_before": 0.0,
        "heat_after": 0.0, "nav": 200_000.0, "mark": 100.0, "risk_usdt": 0.0, "cash_usdt": 0.0, "policy": "p", "seq": 1,
        "reduce_only": side == "sell",
    }  # fmt: skip
    return OrderDecided(**(fields | changes))  # type: ignore[arg-type]


def approval_of(order: OrderProposed, **changes: object) -> OrderDecided:
    """What a gate that lets everything through would answer."""
    fields: dict[str, object] = {
        "stop_price": order.stop_price, "limit_price": order.limit_price, "order_type": order.order_type,
        "expires_ns": order.expires_ns, "strategy": order.strategy, "time_ns": order.time_ns, "trace": order.trace,
    }  # fmt: skip
    return decided(order.id, side=order.side, quantity=str(order.quantity), symbol=order.symbol, **(fields | changes))


def stop_approved(price: str, *, hour: float = 0, symbol: str = BTC) -> StopApproved:
    return StopApproved(
        id=f"stop-approved-{symbol}-{hour}-{price}", time_ns=T0 + int(hour * HOUR), symbol=symbol, stop_price=D(price)
    )


def kinds(messages: object) -> list[str]:
    """The types of messages, for a script's expected output."""
    return [type(message).__name__ for message in messages]  # type: ignore[attr-defined]


def play(machine: object, *messages: Message) -> list[Message]:
    """All that a machine says to the messages, in order."""
    return [output for message in messages for output in machine.handle(message)]  # type: ignore[attr-defined]
