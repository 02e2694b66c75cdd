"""What is asked of freqtrade: the one place that knows its database and its exchange."""

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

LOG = logging.getLogger(__name__)
RECENT = 200  # orders; freqtrade makes far fewer between two rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class BotOrder:
    """One order of freqtrade's.

    side: ``buy``, ``sell``, or ``stoploss`` for one that rests at the exchange.
    filled: base units that arrived, or were sold. price: USDT per unit, of the trades where there are some.
    fee_usdt: what the fee was worth. quantity: base units, as placed.
    """

    order_id: str
    pair: str
    side: str
    quantity: Decimal
    filled: Decimal
    price: Decimal
    fee_usdt: Decimal
    is_open: bool
    is_limit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BotTrade:
    """What freqtrade holds of a pair, and its stop, USDT per unit.

    stop_loss: where freqtrade wants it. at_exchange: where it rests at the exchange, 0 while it does not; None without
    ``stoploss_on_exchange``, when freqtrade watches the price itself.
    """

    pair: str
    amount: Decimal
    stop_loss: float
    at_exchange: float | None = None


class Books(Protocol):
    """freqtrade's, or those of a test."""

    is_dry_run: bool
    stops_at_exchange: bool

    def trades(self) -> list[BotTrade]: ...

    def orders(self) -> list[BotOrder]: ...

    def order(self, pair: str, order_id: str) -> BotOrder | None: ...

    def is_lost(self, pair: str, side: str, since: float) -> bool | None:
        """Whether the exchange has an order of this side that these books lack; None when it cannot tell."""

    def tick(self, pair: str, price: float, *, up: bool) -> Decimal:
        """The nearest price that the exchange takes."""


class FreqtradeBooks:
    """exchange: freqtrade's own. stops_at_exchange: whether its stops rest there, by ``stoploss_on_exchange``."""

    def __init__(self, exchange: Any, *, is_dry_run: bool, stops_at_exchange: bool = False) -> None:
        self._exchange, self.is_dry_run, self.stops_at_exchange = exchange, is_dry_run, stops_at_exchange

    def trades(self) -> list[BotTrade]:
        from freqtrade.persistence import Trade

        return [
            BotTrade(
                pair=trade.pair,
                amount=_exact(trade.amount),
                stop_loss=trade.stop_loss or 0.0,
                at_exchange=_rests_at(trade.open_sl_orders) if self.stops_at_exchange else None,
            )
            for trade in Trade.get_open_trades()
            if trade.is_open  # one that was just closed is not in its database yet
        ]

    def orders(self) -> list[BotOrder]:
        """The latest ones, oldest first."""
        from freqtrade.persistence import Order
        from sqlalchemy import select

        latest = Order.session.scalars(select(Order).order_by(Order.id.desc()).limit(RECENT)).all()
        return [_order_of(order) for order in reversed(latest)]

    def order(self, pair: str, order_id: str) -> BotOrder | None:
        from freqtrade.persistence import Order

        order = Order.order_by_id(order_id, pair)
        return _order_of(order) if order is not None else None

    def is_lost(self, pair: str, side: str, since: float) -> bool | None:
        if self.is_dry_run:  # its orders are nowhere else
            return False
        try:
            found = self._exchange.fetch_orders(pair, datetime.fromtimestamp(since).astimezone())
        except Exception as error:  # noqa: BLE001 - of ccxt, or of freqtrade, or of what lies between
            LOG.warning("%s: the exchange does not tell its orders: %s", pair, error)
            return None
        return any(order["side"] == side and self.order(pair, order["id"]) is None for order in found)

    def tick(self, pair: str, price: float, *, up: bool) -> Decimal:
        from freqtrade.exchange import ROUND_DOWN, ROUND_UP, price_to_precision

        rounded = price_to_precision(
            price,
            self._exchange.get_precision_price(pair),
            self._exchange.precision_mode_price,
            rounding_mode=ROUND_UP if up else ROUND_DOWN,
        )
        return _exact(rounded)


def _order_of(order: Any) -> BotOrder:
    price, is_buy = order.safe_price or 0.0, order.ft_order_side == "buy"
    filled = order.safe_amount_after_fee if is_buy else order.safe_filled
    return BotOrder(
        order_id=order.order_id,
        pair=order.ft_pair,
        side=order.ft_order_side,
        quantity=_exact(order.safe_amount),
        filled=_exact(round(filled or 0.0, 10)),
        price=_exact(price),
        fee_usdt=_exact(round((order.safe_filled or 0.0) * price * _fee_rate(order.trade, is_buy=is_buy), 8)),
        is_open=order.ft_is_open,
        is_limit=order.order_type == "limit",
    )


def _rests_at(stops: list[Any]) -> float:
    """The lowest of a trade's open stops."""
    return min((float(order.stop_price or order.ft_price) for order in stops), default=0.0)


def _fee_rate(trade: Any, *, is_buy: bool) -> float:
    """Of the trade; 0 where it was paid in a third coin, which is no cash of this portfolio."""
    currency = trade.fee_open_currency if is_buy else trade.fee_close_currency
    if currency not in (None, trade.safe_base_currency, trade.safe_quote_currency):
        return 0.0
    return (trade.fee_open if is_buy else trade.fee_close) or 0.0


def _exact(number: float) -> Decimal:
    """The decimal that was meant: a float is taken by its shortest text."""
    return Decimal(repr(float(number)))
