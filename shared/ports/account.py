"""What is read of an account at an exchange: what there is, what is open, and what the key may. Nothing is sent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

MOST_TRADES = 1_000  # that an exchange tells in one answer


class Balance(Struct, frozen=True, kw_only=True):
    """Of one asset, in its units. free: may be used. locked: in open orders."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.free + self.locked


class AccountOrder(Struct, frozen=True, kw_only=True):
    """An order that rests at the exchange.

    exchange_symbol: the pair as the exchange writes it, such as ``BTCUSDT``.
    order_id: the exchange's own. client_order_id: that of whoever placed it.
    kind: its type, such as ``LIMIT`` or ``STOP_LOSS_LIMIT``.
    quantity, filled: base units.
    price, stop_price: USDT per unit; 0 where it has none.
    """

    exchange_symbol: str
    order_id: str
    client_order_id: str
    side: str
    kind: str
    quantity: Decimal
    filled: Decimal
    price: Decimal
    stop_price: Decimal

    @property
    def left(self) -> Decimal:
        """Base units that may still trade."""
        return self.quantity - self.filled

    @property
    def is_stop(self) -> bool:
        """Whether it sells once the price has fallen to its stop."""
        return self.side == "SELL" and self.kind.startswith("STOP_LOSS")


class AccountTrade(Struct, frozen=True, kw_only=True):
    """A trade of the account.

    exchange_symbol: as of ``AccountOrder``. trade_id, order_id: the exchange's own. side: ``buy`` or ``sell``.
    quantity: base units that traded. arrived: those of them that are left after a fee that was taken out of the coin.
    price: USDT per unit. time_ms: of the exchange's clock.
    """

    exchange_symbol: str
    trade_id: str
    order_id: str
    side: str
    quantity: Decimal
    arrived: Decimal
    price: Decimal
    time_ms: int


class KeyRights(Struct, frozen=True, kw_only=True):
    """What a key may. trades, moves: by the exchange's own names, such as ``enableWithdrawals``.

    known: whether the exchange said so.
    trades: rights to place orders. moves: rights to take money out of the account.
    """

    known: bool
    trades: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()


class Account(Protocol):
    """Each question raises an ``ExchangeError`` of ``ports.exchange``; its text never has the key in it."""

    async def rights(self) -> KeyRights: ...

    async def balances(self) -> Sequence[Balance]: ...

    async def open_orders(self) -> Sequence[AccountOrder]: ...

    async def trades(self, symbol: str) -> Sequence[AccountTrade] | None:
        """The latest of a pair, oldest first, at most ``MOST_TRADES``; None for a pair that it does not know."""

    async def time_ms(self) -> int:
        """What the exchange's clock says."""

    async def close(self) -> None: ...
