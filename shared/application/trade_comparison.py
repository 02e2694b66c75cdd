"""The trades that are booked beside those that the exchange knows: which of them are on one side only. Pure functions.

A trade is known by the exchange's id. Some report all trades of an order as one, at their average, under an id of their
own: what is left is compared with whole orders of the exchange. Whether a fee was taken out of the coin or paid in
another one, both quantities count.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Literal, NamedTuple

from shared.application.reconciliation import Difference
from shared.domain.numbers import plain
from shared.domain.timeframes import HOUR_NS, MS_NS
from shared.messages.orders import OrderFilled
from shared.ports.account import AccountTrade

SLACK_NS = HOUR_NS  # by which clocks may differ
UNITS_APART = Decimal("1e-8")  # the last place of the exchange's quantities
PRICE_APART = Decimal("1e-5")  # as a fraction: averages are rounded

ABOUT = {
    "trade_not_booked": "the trade is not in the books: nobody approved it, or it was not reported; report it",
    "trade_not_there": "the exchange knows no such trade, and it is booked: find out who reported it",
    "other_trade": "the trade is booked as another one; find out which is right",
}


class Sum(NamedTuple):
    """Of trades of one side. least, most: base units, with the fee taken out of the coin and without. value: USDT."""

    side: str
    least: Decimal
    most: Decimal
    value: Decimal

    def is_same(self, other: "Sum") -> bool:
        """Whether both can be the same trades: ``least`` to ``most`` of one, and what the other one says."""
        fits = self.least - UNITS_APART <= other.most and other.least <= self.most + UNITS_APART
        ours, theirs = self.value * other.most, other.value * self.most
        return self.side == other.side and fits and abs(ours - theirs) <= PRICE_APART * max(ours, theirs)


def compare_trades(
    booked: Sequence[OrderFilled], known: Mapping[str, Sequence[AccountTrade]], since_ms: int
) -> list[Difference]:
    """What is on one side only, pair by pair. known: what the exchange tells of each pair that was asked for.

    since_ms: of what happened before, nothing is said: one side may have it, and the other no longer.
    """
    found: list[Difference] = []
    recent = [fill for fill in booked if fill.time_ns >= since_ms * MS_NS - SLACK_NS]  # no report is before its trade
    for symbol, theirs in known.items():
        ours = {fill.trade_id: fill for fill in recent if fill.symbol == symbol}
        there = {trade.trade_id: trade for trade in theirs}
        for name in [name for name in ours if name in there]:
            fill, trade = ours.pop(name), there.pop(name)
            if not _of_fill(fill).is_same(_of_trades([trade])):
                found.append(_difference(symbol, "other_trade", fill, trade))
        orders = _by_order(there.values())
        for fill in [*ours.values()]:
            same = next((trades for trades in orders if _of_fill(fill).is_same(_of_trades(trades))), None)
            if same is not None:
                orders.remove(same)
                del ours[fill.trade_id]
                there = {name: trade for name, trade in there.items() if trade not in same}
        late = [trade for trade in there.values() if trade.time_ms >= since_ms]
        found += [_difference(symbol, "trade_not_booked", None, trade) for trade in late]
        made_up = [fill for fill in ours.values() if fill.time_ns >= since_ms * MS_NS]
        found += [_difference(symbol, "trade_not_there", fill, None) for fill in made_up]
    return found


def _by_order(trades: Iterable[AccountTrade]) -> list[list[AccountTrade]]:
    ordered = sorted(trades, key=lambda trade: trade.order_id)
    return [list(each) for _, each in groupby(ordered, key=lambda trade: trade.order_id)]


def _of_fill(fill: OrderFilled) -> Sum:
    return Sum(fill.side, fill.quantity, fill.quantity, fill.quantity * fill.price)


def _of_trades(trades: Sequence[AccountTrade]) -> Sum:
    quantity = sum((trade.quantity for trade in trades), Decimal(0))
    arrived = sum((trade.arrived for trade in trades), Decimal(0))
    value = sum((trade.quantity * trade.price for trade in trades), Decimal(0))
    return Sum(trades[0].side, arrived, quantity, value)


def _difference(
    symbol: str,
    code: Literal["trade_not_booked", "trade_not_there", "other_trade"],
    fill: OrderFilled | None,
    trade: AccountTrade | None,
) -> Difference:
    ours = "nothing" if fill is None else _in_words(fill, f"trade {fill.trade_id}, order {fill.order_id}")
    theirs = "nothing" if trade is None else _in_words(trade, f"trade {trade.trade_id}, order {trade.order_id}")
    return Difference(symbol=symbol, code=code, books=ours, account=theirs, reason=ABOUT[code])


def _in_words(trade: OrderFilled | AccountTrade, name: str) -> str:
    return f"{trade.side} {plain(trade.quantity)} at {plain(trade.price)} ({name})"
