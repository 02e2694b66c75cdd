"""Fills and what each cost, and the positions that they make: a trade lasts from the first purchase to the last sale.

    a purchase takes   reference x quantity + fee + spread + slippage   from cash
    a sale brings      reference x quantity - fee - spread - slippage

The reference is what the market stood at. The spread is half of the assumed one. Slippage is what remains, so that the
three always add up to the cash that moved.
"""

from decimal import Decimal

from services.backtest.result import ExitReason, Fill, Trade
from shared.domain.numbers import ONE, ZERO, to_decimal
from shared.domain.plan import Costs
from shared.domain.risk.breakers.heat import STRATEGY as HEAT_BREAKER
from shared.domain.risk.commands.halts import FLATTEN
from shared.domain.universe import PairNames, Universe
from shared.messages.orders import OrderDecided, OrderFilled, StopPlaced
from shared.messages.portfolio import PositionWrittenOff

STRATEGIES_THAT_SELL: dict[str, ExitReason] = {FLATTEN: "flatten", HEAT_BREAKER: "heat"}


def fill_of(filled: OrderFilled, costs: Costs, *, strategy: str, stop: Decimal | None) -> Fill:
    """The fill with its costs told apart. stop: the price of the stop that sold, None for an order."""
    sign, touch = (1 if filled.side == "buy" else -1), filled.touch if filled.touch is not None else filled.price
    reference = touch
    if filled.liquidity == "taker":
        reference = to_decimal(float(touch) / (1.0 + sign * costs.half_spread))
    spread = sign * (touch - reference) * filled.quantity
    slippage = sign * (filled.price - reference) * filled.quantity - spread
    return Fill(
        time_ns=filled.time_ns,
        order_id=filled.order_id,
        symbol=filled.symbol,
        side=filled.side,
        quantity=filled.quantity,
        price=filled.price,
        reference=reference,
        fee=filled.fee_usdt,
        spread=spread,
        slippage=slippage,
        strategy=strategy,
        liquidity=filled.liquidity,
        stop=stop,
    )


class OpenTrade:
    """A position that is held. Amounts in units of the pair's newest name, money in USDT."""

    def __init__(self, symbol: str, sector: str, reason: str, first: Fill) -> None:
        self.symbol, self.sector, self.reason = symbol, sector, reason
        self.strategy, self.opened_ns = first.strategy, first.time_ns
        self.held = self.bought = self.sold = ZERO
        self.paid = self.received = self.gross = ZERO
        self.fees = self.spread = self.slippage = ZERO
        self.cost = self.invested = ZERO
        self.fills = 0

    def add(self, fill: Fill, ratio: Decimal) -> None:
        """One more fill. ratio: units of the newest name for each of its own."""
        quantity, worth = fill.quantity * ratio, fill.quantity * fill.reference
        paid = fill.quantity * fill.price
        self.fills += 1
        self.fees += fill.fee
        self.spread += fill.spread
        self.slippage += fill.slippage
        if fill.side == "buy":
            self.held += quantity
            self.bought += quantity
            self.paid += paid
            self.gross -= worth
            self.cost += paid
            self.invested = max(self.invested, self.cost)
        else:
            self.take_out(quantity, worth)
            self.received += paid

    def take_out(self, quantity: Decimal, worth: Decimal) -> None:
        """So much is gone, for so much USDT before costs."""
        if self.held:
            self.cost -= self.cost * min(ONE, quantity / self.held)
        self.held -= quantity
        self.sold += quantity
        self.gross += worth

    def closed(self, closed_ns: int, reason: ExitReason, *, bar_ns: int, mark: Decimal | None = None) -> Trade:
        """The trade as it ended. mark: the last price of what is still held, None where nothing is."""
        gross = self.gross if mark is None else self.gross + self.held * mark
        last = mark if mark is not None else ZERO
        received = self.received if mark is None else self.received + self.held * mark
        sold = self.sold if mark is None else self.sold + self.held
        return Trade(
            symbol=self.symbol,
            sector=self.sector,
            strategy=self.strategy,
            opened_ns=self.opened_ns,
            closed_ns=closed_ns,
            quantity=self.bought,
            entry=self.paid / self.bought if self.bought else ZERO,
            exit=received / sold if sold else last,
            invested=self.invested,
            gross=gross,
            fees=self.fees,
            spread=self.spread,
            slippage=self.slippage,
            net=gross - self.fees - self.spread - self.slippage,
            entry_reason=self.reason,
            exit_reason=reason,
            fills=self.fills,
            open=mark is not None,
            hangs_on_order=reason == "stop" and _within_one_bar(self.opened_ns, closed_ns, bar_ns),
        )


class FillRecorder:
    """Makes fills and trades of what execution said."""

    def __init__(self, universe: Universe, costs: Costs, bar_ns: int) -> None:
        self._universe, self._costs, self._bar_ns = universe, costs, bar_ns
        self._names = PairNames(universe)
        self._orders: dict[str, str] = {}  # strategy by order
        self._stops: dict[str, Decimal] = {}
        self._open: dict[str, OpenTrade] = {}
        self.ending: set[str] = set()  # pairs whose bars end: what is sold of them is sold for that
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []

    def decided(self, order: OrderDecided) -> None:
        """An order was approved, in whole or in part."""
        if order.quantity_approved:
            self._orders[order.order_id] = order.strategy

    def stop_placed(self, placed: StopPlaced) -> None:
        self._stops[placed.symbol] = placed.stop_price

    def filled(self, filled: OrderFilled, reason: str) -> None:
        """reason: why it was bought, where this begins a trade."""
        named = self._names.named(filled.symbol)
        pair = named.pair
        trade = self._open.get(pair)
        strategy = self._orders.pop(filled.order_id, trade.strategy if trade is not None else "")
        stop = self._stops.get(filled.symbol) if filled.stop else None
        fill = fill_of(filled, self._costs, strategy=strategy, stop=stop)
        self.fills.append(fill)
        if trade is None:
            trade = OpenTrade(pair, self._universe.sector_of(pair) or "", reason, fill)
            self._open[pair] = trade
        trade.add(fill, named.ratio)
        if trade.held <= 0:
            self._end(pair, fill.time_ns, self._exit_reason(fill, strategy))

    def written_off(self, written: PositionWrittenOff) -> None:
        """What could not be sold went out of the books at that price."""
        named = self._names.named(written.symbol)
        trade = self._open.get(named.pair)
        if trade is not None and written.quantity:
            trade.take_out(written.quantity * named.ratio, written.proceeds_usdt)
            trade.received += written.proceeds_usdt
            self._end(named.pair, written.time_ns, "delisted")

    def finish(self, end_ns: int, marks: dict[str, float]) -> None:
        """The run is over: what is held counts at its last price. marks: by the pair's newest name, USDT per unit."""
        for pair, trade in sorted(self._open.items()):
            mark = to_decimal(marks.get(pair, 0.0))
            self.trades.append(trade.closed(end_ns, "end", bar_ns=self._bar_ns, mark=mark))
        self.trades.sort(key=_by_time)

    def _exit_reason(self, fill: Fill, strategy: str) -> ExitReason:
        if fill.stop is not None:
            return "stop"
        if fill.symbol in self.ending:
            return "delisted"
        return STRATEGIES_THAT_SELL.get(strategy, "signal")

    def _end(self, pair: str, time_ns: int, reason: ExitReason) -> None:
        self.trades.append(self._open.pop(pair).closed(time_ns, reason, bar_ns=self._bar_ns))


def _within_one_bar(opened_ns: int, closed_ns: int, bar_ns: int) -> bool:
    """Whether both fell into one bar and nobody knows which came first. What is bought at its open did."""
    return opened_ns // bar_ns == closed_ns // bar_ns and opened_ns % bar_ns != 0


def _by_time(trade: Trade) -> tuple[int, int, str]:
    return trade.closed_ns, trade.opened_ns, trade.symbol
