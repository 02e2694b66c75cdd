"""What is read of an account at an exchange: what there is, what is open, and what the key may. Nothing is sent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct


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

    async def close(self) -> None: ...
