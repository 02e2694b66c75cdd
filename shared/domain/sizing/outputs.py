"""The messages that sizing gives out: ids, causes and traces in one place."""

from decimal import Decimal

from shared.domain.sizing.blender import TargetOrder
from shared.domain.sizing.size import Size
from shared.domain.stops import stop_below
from shared.messages.base import MAX_ID, Message, derived_id
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import OrderProposed, StopRaised
from shared.messages.signals import PositionSized

BLENDER = "blender"


def position_sized(
    size: Size, bar: BarClosed, listed: PairListed | None, portfolio: str, phase_scale: float
) -> PositionSized:
    """The size of a pair as of a bar, with a stop that the exchange takes as it is: on the pair's price step."""
    quantity = size.quantity
    stop = stop_below(size.price, size.stop_distance, listed.price_step) if listed and size.stop_distance else None
    name = f"size-{portfolio}-{bar.id}"  # for people; a bar's own id may leave no room for it
    return PositionSized(
        id=name if len(name) <= MAX_ID else derived_id("size", portfolio, bar.id),
        time_ns=bar.time_ns,
        cause=bar.id,
        trace=bar.trace_id,
        symbol=bar.symbol,
        timeframe=bar.timeframe,
        bar_open_time_ns=bar.open_time_ns,
        price=bar.close,
        atr=size.atr,
        atr_pct=size.atr / bar.close,
        adv_usdt=size.adv_usdt,
        equity_at_risk_usdt=size.equity_at_risk_usdt,
        stop_distance=size.stop_distance,
        stop_price=size.stop_price if stop is None else float(stop),
        quantity=quantity,
        notional_usdt=float(quantity) * bar.close,
        binding=size.binding,
        phase_scale=phase_scale,
    )


def order_proposed(target: TargetOrder, symbol: str, portfolio: str, cause: Message, expires_ns: int) -> OrderProposed:
    """An order of the blender. Its id follows from the pair and the cause: asked twice, it is the same order."""
    return OrderProposed(
        id=derived_id("o", portfolio, symbol, cause.id),
        time_ns=cause.time_ns,
        cause=cause.id,
        trace=cause.trace_id,
        symbol=symbol,
        side=target.side,
        quantity=target.quantity,
        portfolio=portfolio,
        stop_price=target.stop_price,
        strategy=BLENDER,
        reduce_only=target.side == "sell",
        expires_ns=expires_ns,
    )


def stop_raised(stop_price: Decimal, bar: BarClosed, portfolio: str) -> StopRaised:
    """A higher stop, as of a bar."""
    return StopRaised(
        id=derived_id("stop-raised", portfolio, bar.id),
        time_ns=bar.time_ns,
        cause=bar.id,
        trace=bar.trace_id,
        symbol=bar.symbol,
        stop_price=stop_price,
        portfolio=portfolio,
    )
