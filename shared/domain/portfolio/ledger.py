"""Cash and positions, as fills change them. Decimal throughout; nothing here is an estimate."""

from decimal import Decimal

from msgspec import Struct, field, structs

from shared.domain.machine import Records
from shared.domain.numbers import ZERO, plain, round_usdt
from shared.messages.orders import OrderFilled

ACCOUNT = "account"
POSITION = "position"
COUNTED = "counted"


class Account(Struct, frozen=True, kw_only=True):
    """The money of the portfolio, and what is counted.

    cash: USDT.
    fees: USDT paid so far.
    realised: gains less losses of all that was sold, USDT, fees aside.
    peak_nav_of_all_time: the highest NAV ever, USDT; what losses are limited by is measured from later peaks.
    snapshots: how many were made so far.
    """

    cash: Decimal
    fees: Decimal = ZERO
    realised: Decimal = ZERO
    peak_nav_of_all_time: float = field(default=0.0, name="peak_nav")  # its name in stored records
    snapshots: int = 0


class Counted(Struct, frozen=True):
    """How many decisions were made so far."""

    decisions: int


class Position(Struct, frozen=True, kw_only=True):
    """What is held of a pair.

    quantity: base units.
    cost: USDT that were paid for it, fees aside.
    stop: USDT per unit; None while nothing protects it.
    stop_approved: the highest raised stop that passed the gate, USDT per unit, whether it is placed yet or not.
    stop_order_id: under which the stop fills; empty while execution has not said it.
    """

    symbol: str
    quantity: Decimal
    cost: Decimal
    stop: Decimal | None
    stop_approved: Decimal | None = None
    stop_order_id: str = ""

    @property
    def unit_cost(self) -> Decimal:
        """What a unit was bought for, USDT."""
        return self.cost / self.quantity

    def renamed(self, symbol: str, ratio: Decimal) -> "Position":
        """The same under another name, in ``ratio`` units of it for each unit."""
        return structs.replace(
            self,
            symbol=symbol,
            quantity=self.quantity * ratio,
            stop=None if self.stop is None else self.stop / ratio,
            stop_approved=None if self.stop_approved is None else self.stop_approved / ratio,
        )


LEDGER_RECORDS: dict[str, type[Struct]] = {ACCOUNT: Account, POSITION: Position, COUNTED: Counted}


class OversoldError(ValueError):
    """A fill sells more than is held: ledger and exchange disagree, and nothing may go on from there."""


class Ledger:
    """Cash and positions over a machine's records; opened once with the starting cash.

    account: the money, exact.
    cash: the account's cash as a float, for estimates.
    """

    def __init__(self, records: Records, starting_cash: Decimal) -> None:
        self._records = records
        self._starting_cash = starting_cash
        self.reload()

    def reload(self) -> None:
        """Begin from the records."""
        self.account = self._records.get(ACCOUNT, "", Account) or Account(cash=self._starting_cash)
        self.cash = float(self.account.cash)
        counted = self._records.get(COUNTED, "", Counted)
        self._decisions = counted.decisions if counted is not None else 0

    def put_account(self, account: Account) -> None:
        """Keep the account, and its cash as a float."""
        self._records.put(ACCOUNT, "", account)
        self.account, self.cash = account, float(account.cash)

    def count_snapshot(self, nav: float) -> None:
        """One more snapshot was made, at this NAV."""
        account = self.account
        peak = max(account.peak_nav_of_all_time, nav)
        self.put_account(structs.replace(account, snapshots=account.snapshots + 1, peak_nav_of_all_time=peak))

    def count_decision(self) -> int:
        """The number of the decision that is being made, from 1."""
        self._decisions += 1
        self._records.put(COUNTED, "", Counted(self._decisions))
        return self._decisions

    def position(self, symbol: str) -> Position | None:
        """What is held of a pair; None when nothing is."""
        return self._records.get(POSITION, symbol, Position)

    def quantity(self, symbol: str) -> Decimal:
        """Base units held of a pair."""
        held = self.position(symbol)
        return held.quantity if held else ZERO

    def positions(self) -> list[Position]:
        """Everything that is held."""
        return [position for _, position in self._records.rows(POSITION, Position)]

    def apply(self, fill: OrderFilled) -> None:
        """Move cash and base units for one fill. The stop of a buy counts if it is higher than the one in place."""
        held = self.position(fill.symbol) or Position(symbol=fill.symbol, quantity=ZERO, cost=ZERO, stop=None)
        account = self.account
        notional = round_usdt(fill.quantity * fill.price)
        if fill.side == "buy":
            stop = _higher(held.stop, fill.stop_price) if held.quantity else fill.stop_price
            bought = structs.replace(held, quantity=held.quantity + fill.quantity, cost=held.cost + notional, stop=stop)
            self._records.put(POSITION, fill.symbol, bought)
            cash, realised = account.cash - notional - fill.fee_usdt, account.realised
        else:
            cost_sold = self._take(held, fill)
            cash, realised = account.cash + notional - fill.fee_usdt, account.realised + notional - cost_sold
        self.put_account(structs.replace(account, cash=cash, fees=account.fees + fill.fee_usdt, realised=realised))

    def _take(self, held: Position, fill: OrderFilled) -> Decimal:
        """Take a sale out of a position; returns what the part that was sold had cost, USDT."""
        if fill.quantity > held.quantity:
            raise OversoldError(
                f"fill {fill.trade_id} sells {plain(fill.quantity)} {fill.symbol}, {plain(held.quantity)} are held"
            )
        if fill.quantity == held.quantity:
            self._records.delete(POSITION, fill.symbol)
            return held.cost
        cost_sold = round_usdt(held.cost * fill.quantity / held.quantity)
        left = structs.replace(held, quantity=held.quantity - fill.quantity, cost=held.cost - cost_sold)
        self._records.put(POSITION, fill.symbol, left)
        return cost_sold

    def take_in(self, symbol: str, quantity: Decimal, unit_cost: Decimal, stop: Decimal | None) -> None:
        """Take a position in that was bought elsewhere. Cash stays: it was not paid from here."""
        cost = round_usdt(quantity * unit_cost)
        held = Position(symbol=symbol, quantity=quantity, cost=cost, stop=stop, stop_approved=stop)
        self._records.put(POSITION, symbol, held)

    def set_cash(self, cash: Decimal) -> None:
        """There is another amount of cash, for a reason that is no trade."""
        if cash != self.account.cash:
            self.put_account(structs.replace(self.account, cash=cash))

    def scale_peak(self, ratio: float) -> None:
        """NAV changed by something that is no gain and no loss: the highest one ever moves along."""
        account = self.account
        self.put_account(structs.replace(account, peak_nav_of_all_time=account.peak_nav_of_all_time * ratio))

    def write_off(self, symbol: str, price: Decimal) -> Decimal:
        """Take a position out without a sale, at a price that goes to cash; returns how much, USDT."""
        held = self.position(symbol)
        if held is None:
            return ZERO
        proceeds, account = round_usdt(held.quantity * price), self.account
        self._records.delete(POSITION, symbol)
        realised = account.realised + proceeds - held.cost
        self.put_account(structs.replace(account, cash=account.cash + proceeds, realised=realised))
        return proceeds

    def move_stop(self, symbol: str, stop: Decimal) -> bool:
        """Raise a position's stop; says whether it moved. A stop never moves down."""
        held = self.position(symbol)
        if held is None or (held.stop is not None and stop <= held.stop):
            return False
        self._records.put(POSITION, symbol, structs.replace(held, stop=stop))
        return True

    def drop_stop(self, symbol: str) -> None:
        """Nothing protects a position any more. Its stop may come to rest there again: that was approved."""
        held = self.position(symbol)
        if held is not None and held.stop is not None:
            approved = _higher(held.stop, held.stop_approved)
            self._records.put(POSITION, symbol, structs.replace(held, stop=None, stop_approved=approved))

    def approve_stop(self, symbol: str, stop: Decimal) -> None:
        """A raised stop passed the gate: execution may say that it rests there."""
        held = self.position(symbol)
        if held is not None and stop > (held.stop_approved or ZERO):
            self._records.put(POSITION, symbol, structs.replace(held, stop_approved=stop))

    def name_stop(self, symbol: str, order_id: str) -> None:
        """Keep the id under which a position's stop fills."""
        held = self.position(symbol)
        if held is not None and held.stop_order_id != order_id:
            self._records.put(POSITION, symbol, structs.replace(held, stop_order_id=order_id))

    def rename(self, old: str, new: str, ratio: Decimal) -> bool:
        """A pair got a new name, ``ratio`` new units for each old one; says whether a position moved with it."""
        held = self.position(old)
        if held is None or self.position(new) is not None or not ratio > 0:
            return False
        self._records.delete(POSITION, old)
        self._records.put(POSITION, new, held.renamed(new, ratio))
        return True


def _higher(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
