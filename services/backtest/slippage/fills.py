"""What was really paid: fills against the mark that the order was decided at, or against the stop that sold.

On the paper exchange the fill price *is* the model, from a touch of a little later: that the two agree shows that the
code does what it says, and nothing of a market. Real fills show it, once there are some.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from services.backtest.slippage.groups import liquidity_of
from services.backtest.slippage.judging import SHARES, share_below_zero
from services.backtest.slippage.quantiles import in_bp, quantile
from services.backtest.slippage.results import FillRow
from shared.application.errors import UserError
from shared.domain.bars.series import DailyHistory
from shared.domain.liquidity import square_root_slippage
from shared.domain.plan import Costs, SizingPlan
from shared.domain.timeframes import DAILY
from shared.messages.base import Message
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided, OrderFilled, StopPlaced

Kind = str
FillMessage = OrderDecided | OrderFilled | StopPlaced | BarClosed
KINDS: tuple[type[Message], ...] = (OrderDecided, OrderFilled, StopPlaced, BarClosed)


class FillsError(UserError):
    """A file of messages that cannot be read; the text names file, line and what is wrong."""


class _Expected(NamedTuple):
    """kind: ``market`` or ``stop``. price: the mark, or the stop, USDT per unit."""

    kind: Kind
    price: float
    time_ns: int


class _Paid(NamedTuple):
    kind: Kind
    liquidity: str
    notional_usdt: float
    paid: float
    over: float


@dataclass
class _Filled:
    """The fills of one order together. stop: where it rested when it filled, if it is one."""

    symbol: str
    sign: float
    stop: _Expected | None = None
    quantity: float = 0.0
    notional_usdt: float = 0.0


@dataclass
class Fills:
    """Takes decisions, fills, stops and daily bars in any order, and compares at the end.

    unmatched: fills that nothing is said of, by why.
    """

    plan: SizingPlan
    unmatched: Counter[str] = field(default_factory=Counter)
    _decided: dict[str, _Expected] = field(default_factory=dict)
    _stops: dict[str, _Expected] = field(default_factory=dict)
    _orders: dict[str, _Filled] = field(default_factory=dict)
    _days: dict[str, list[BarClosed]] = field(default_factory=lambda: defaultdict(list))

    def take(self, message: Message) -> None:
        """Take one in; what is of no use is passed over."""
        match message:
            case OrderDecided(order_type="market") if message.mark > 0:
                self._decided[message.order_id] = _Expected("market", message.mark, message.time_ns)
            case StopPlaced() if message.quantity > 0:
                self._stops[message.order_id] = _Expected("stop", float(message.stop_price), message.time_ns)
            case OrderFilled(liquidity="maker"):
                self.unmatched["maker"] += 1
            case OrderFilled():
                sign = 1.0 if message.side == "buy" else -1.0
                stop = self._stops.get(message.order_id)
                order = self._orders.setdefault(message.order_id, _Filled(message.symbol, sign, stop))
                order.quantity += float(message.quantity)
                order.notional_usdt += float(message.quantity * message.price)
            case BarClosed(timeframe=timeframe) if timeframe == DAILY:
                self._days[message.symbol].append(message)
            case _:
                pass

    def rows(self, costs: Costs) -> tuple[FillRow, ...]:
        """The comparison, by kind and class."""
        groups: dict[tuple[str, str], list[_Paid]] = defaultdict(list)
        for paid in self._paid(costs):
            groups[paid.kind, paid.liquidity].append(paid)
        return tuple(_row(*group, found) for group, found in sorted(groups.items()))

    def _paid(self, costs: Costs) -> Iterator[_Paid]:
        histories = {symbol: self._history(symbol) for symbol in self._days}
        for order_id, order in self._orders.items():
            expected = order.stop or self._decided.get(order_id)
            if expected is None or order.quantity <= 0.0:
                self.unmatched["no decision at the market, and no stop"] += 1
                continue
            figures = histories[order.symbol].as_of(expected.time_ns) if order.symbol in histories else None
            if figures is None or not figures.adv_usdt or figures.sigma_day is None:
                self.unmatched["no daily bars"] += 1
                continue
            price = order.notional_usdt / order.quantity
            paid = order.sign * (price / expected.price - 1.0)
            model = costs.half_spread + square_root_slippage(
                order.notional_usdt,
                factor=costs.slippage_factor,
                sigma_day=figures.sigma_day,
                adv_usdt=figures.adv_usdt,
            )
            liquidity = liquidity_of(figures.adv_usdt)
            yield _Paid(expected.kind, liquidity, order.notional_usdt, paid, model - paid)

    def _history(self, symbol: str) -> DailyHistory:
        history = DailyHistory(atr_days=self.plan.atr_days, adv_days=self.plan.adv_days)
        for bar in sorted(self._days[symbol], key=lambda bar: bar.open_time_ns):
            history.add(bar)
        return history


def _row(kind: str, liquidity: str, found: list[_Paid]) -> FillRow:
    over = sorted(each.over for each in found)
    return FillRow(
        kind=kind,
        liquidity=liquidity,
        fills=len(found),
        notional_usdt=round(sum(each.notional_usdt for each in found), 2),
        paid_p50_bp=in_bp(median(each.paid for each in found)),
        **{name: in_bp(quantile(over, share)) for name, share in SHARES.items()},
        too_cheap=share_below_zero(over),
    )


# --- messages in a file -----------------------------------------------------------------------------------------------


class _AnyType(msgspec.Struct):
    type: str = ""


LONGEST_LINE = 16 * 1024 * 1024
_tag = msgspec.json.Decoder(_AnyType)
_message = msgspec.json.Decoder(FillMessage)
_NAMES = {kind.__name__ for kind in KINDS}


def read_messages(path: Path) -> Iterator[Message]:
    """Messages that ``heatsink tail decided executed bars --json`` printed. Raises ``FillsError``."""
    try:
        with path.open("rb") as lines:
            yield from _parsed(path, iter(lambda: lines.readline(LONGEST_LINE + 1), b""))
    except OSError as error:
        raise FillsError(f"{path}: cannot be read: {error.strerror}") from None


def _parsed(path: Path, lines: Iterable[bytes]) -> Iterator[Message]:
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise FillsError(f"{path}: line {number}: more than {LONGEST_LINE:,} bytes")
        try:
            if line.strip() and _tag.decode(line).type in _NAMES:
                yield _message.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            remedy = "it has to be a line that heatsink tail --json printed"
            raise FillsError(f"{path}: line {number}: {error}; {remedy}") from None
