"""Gap: the price of a pair jumped, so its stops do not hold what they promise. The pair halts for a cool-down.

A stop is an order to sell at the market once its price is reached. Where the price jumps over it, it fills at the first
price beyond, so the loss is what the fill says and not what the stop promised.
"""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.bars.series import NO_DAYS
from shared.domain.numbers import plain
from shared.domain.portfolio.ledger import Position
from shared.domain.risk.breakers.base import Breaker, exceeds
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.domain.risk.unpriced import holds_dust
from shared.domain.timeframes import DAILY, MINUTE_NS, SECOND_NS, timeframe_ns
from shared.domain.words import figure
from shared.messages.base import Message
from shared.messages.market import BarClosed, MarkChanged
from shared.messages.orders import OrderFilled


class Gap(Breaker):
    """A bar opens far from the last close, a mark jumps between samples, or the price falls through a stop."""

    name = "gap"

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        super().__init__(state, halt_actions)
        self._cool_down_ns = int(self.plan.cool_down_minutes * MINUTE_NS)
        self._only_daily = state.plan.timeframes == (DAILY,)
        self._last: dict[tuple[str, str], tuple[int, float]] = {}  # open time and close of the last bar
        self._gap_ns: dict[str, int] = {}  # open time of the last bar that gapped; longer bars show the same gap
        self._through: dict[str, float] = {}  # stops that were fallen through and have halted their pair

    # --- prices ---------------------------------------------------------------------------------------------------

    def on_mark(self, mark: MarkChanged, price_before: float, time_before_ns: int) -> Sequence[Message]:
        state, symbol = self._state, mark.symbol
        if not self.is_fresh(mark.time_ns):
            return ()
        if price_before > 0.0 and mark.time_ns - time_before_ns <= state.effective.mark_age_ns:
            jump = mark.price / price_before - 1.0
            if exceeds(abs(jump), self.plan.mark_jump):
                seconds = (mark.time_ns - time_before_ns) / SECOND_NS
                within = figure(round(seconds, 0 if seconds >= 10.0 else 3))
                moved = f"{figure(price_before)} to {figure(mark.price)} in {within} s of market time"
                limit = f"limit {self.plan.mark_jump:.2%} between marks"
                return self._halt(mark, symbol, f"the price jumped {jump:+.2%}", f"{moved}; {limit}")
        return self._through_stop(mark, symbol, mark.price)

    def on_bar(self, bar: BarClosed) -> Sequence[Message]:
        if bar.timeframe == DAILY and not self._only_daily:
            return ()
        key = (bar.symbol, bar.timeframe)
        last, self._last[key] = self._last.get(key), (bar.open_time_ns, bar.close)
        if last is None or not self.is_current(bar) or bar.open_time_ns <= self._gap_ns.get(bar.symbol, -1):
            return ()
        if bar.open_time_ns - last[0] > timeframe_ns(bar.timeframe) * (1 + bar.hole_before):
            return ()  # bars between them never came here: nobody knows where the price went
        return self._opened(bar, last[1]) or self._through_stop(bar, bar.symbol, bar.open)

    def _opened(self, bar: BarClosed, last_close: float) -> Sequence[Message]:
        history = self._state.daily.get(bar.symbol)
        daily = NO_DAYS if history is None else history.as_of(bar.close_time_ns)
        if not daily.atr or not daily.is_fresh(bar.close_time_ns):
            return ()
        distance, limit = bar.open - last_close, self.plan.gap_atr * daily.atr
        if not exceeds(abs(distance), limit):
            return ()
        self._gap_ns[bar.symbol] = bar.open_time_ns
        where = f"{bar.timeframe} bar opened at {figure(bar.open)} after a close at {figure(last_close)}"
        evidence = f"{where}; ATR {figure(daily.atr)}, limit {self.plan.gap_atr:g} ATR"
        return self._halt(bar, bar.symbol, f"a gap of {distance / daily.atr:+.2f} ATR", evidence)

    def must_see(self, symbol: str) -> bool:
        """A price above the stop ends what was seen through it."""
        return symbol in self._through

    def warm(self, bar: BarClosed) -> None:
        self._last[bar.symbol, bar.timeframe] = (bar.open_time_ns, bar.close)

    def on_clock_stepped_back(self, now_ns: int) -> None:
        self._gap_ns = {symbol: open_ns for symbol, open_ns in self._gap_ns.items() if open_ns <= now_ns}

    # --- stops ----------------------------------------------------------------------------------------------------

    def _through_stop(self, cause: Message, symbol: str, price: float) -> Sequence[Message]:
        """A price is under the stop of a position that is still held, by more than slippage explains.

        It halts the pair once for each stop.
        """
        pair = self._state.heat.pair(symbol)
        if pair is None or not pair.quantity or pair.stop is None or price >= pair.stop:
            self._through.pop(symbol, None)
            return ()
        below = 1.0 - price / pair.stop
        if not exceeds(below, self._slip(symbol)) or self._through.get(symbol) == pair.stop:
            return ()
        if holds_dust(self._state, pair):  # no stop sells it
            return ()
        self._through[symbol] = pair.stop
        evidence = f"price {figure(price)}, stop {figure(pair.stop)}, still held: {figure(pair.quantity)}"
        return self._halt(cause, symbol, f"the price fell {below:.2%} through the stop", evidence)

    def on_fill(self, fill: OrderFilled, position_before: Position | None) -> Sequence[Message]:
        """A stop filled below its price by more than slippage explains."""
        held, state = position_before, self._state
        if fill.side != "sell" or held is None or held.stop is None or held.quantity <= 0:
            return ()
        # A fill from before ``stop`` was kept does not say it: then a sale that no decided order asked for is a stop's.
        is_stop = state.reservations.get(fill.order_id) is None if fill.stop is None else fill.stop
        if not is_stop:
            return ()  # an order of its own, which may sell at any price
        below = 1.0 - float(fill.price) / float(held.stop)
        if not exceeds(below, self._slip(fill.symbol)):
            return ()
        cost = held.unit_cost
        at_stop, at_fill = ((cost - price) * fill.quantity for price in (held.stop, fill.price))
        losses = f"loss at the stop {_usdt(at_stop)}, at the fill {_usdt(at_fill)}"
        filled = f"filled {plain(fill.quantity)} at {plain(fill.price)}"
        evidence = f"stop {plain(held.stop)}, {filled}: {losses}, fee {_usdt(fill.fee_usdt)}"
        reason = f"a stop filled {below:.2%} below its price"
        return self._halt(fill, fill.symbol, reason, evidence, renew=True)

    def _slip(self, symbol: str) -> float:
        """How far below its stop a fill may be before it counts as a gap, as a fraction of the stop."""
        pair, costs = self._state.heat.pair(symbol), self._state.plan.costs
        expected = pair.exit_rate - costs.fee if pair is not None else costs.half_spread
        return self.plan.stop_slip * max(expected, 0.0)

    def _halt(
        self, cause: Message, symbol: str, reason: str, evidence: str, *, renew: bool = False
    ) -> Sequence[Message]:
        return self._begin(
            cause,
            NewHalt(
                symbol=symbol,
                trigger="gap",
                reason=reason,
                mode="halted",
                evidence=evidence,
                until_ns=cause.time_ns + self._cool_down_ns,
                cleared_by="time",
                renew=renew,
            ),
        )


def _usdt(amount: Decimal) -> str:
    """Two places; a gain is a negative loss, a zero has no sign."""
    return f"{amount:z,.2f} USDT"
