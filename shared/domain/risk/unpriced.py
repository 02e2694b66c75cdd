"""What is held and has no price: for a while the gate waits for one, then the position counts for nothing.

A pair that was delisted, or of which no price comes any more, would keep NAV unknown for ever. So after
``limits.unpriced_seconds`` what is held of it is worth 0 in NAV, and all that it was worth last is at risk; the rest of
the portfolio goes on under its limits. A fresh price ends that, and so does writing the position off. While the whole
market is silent nothing is judged: then nobody knows anything, and the gate is closed anyhow.

Dust, which is less than the exchange trades, never keeps NAV unknown.
"""

from shared.domain.dust import is_dust
from shared.domain.portfolio.heat import PairHeat
from shared.domain.risk.state.state import UNPRICED, RiskState, Unpriced


class PriceWatch:
    """Looks about once a second which of the pairs that are held have a price."""

    def __init__(self, state: RiskState) -> None:
        self._state = state

    def on_time(self) -> None:
        """Judge every pair that is held."""
        state, held = self._state, list(self._state.heat.positions())
        for symbol, _ in state.records.rows(UNPRICED, Unpriced):
            if not state.ledger.quantity(symbol):
                self._forget(symbol)
        if not held:
            return
        goes_on = any(self._is_fresh(pair) for pair in state.heat.pairs.values())
        for pair in held:
            state.heat.set_dust(pair, is_dust=holds_dust(state, pair))
            if pair.is_dust or self._is_fresh(pair):
                self._forget(pair.symbol)
            elif goes_on:
                self._wait(pair)

    def _is_fresh(self, pair: PairHeat) -> bool:
        """A price of a time to come is none: nobody knows how old it is, and NAV waits for another."""
        state = self._state
        age_ns = abs(state.now_ns - pair.mark_time_ns)
        return pair.mark > 0.0 and age_ns <= state.market_ns(state.limits.nav_age_seconds)

    def _wait(self, pair: PairHeat) -> None:
        """Once it has had no price for too long, it counts for nothing."""
        state, limits = self._state, self._state.limits
        known = state.records.get(UNPRICED, pair.symbol, Unpriced)
        if known is not None and known.price:
            return
        since_ns = known.since_ns if known is not None else pair.mark_time_ns
        if since_ns > state.now_ns or (known is None and not pair.mark):
            state.records.put(UNPRICED, pair.symbol, Unpriced(since_ns=state.now_ns))
            return
        if state.now_ns - since_ns > state.market_ns(max(limits.unpriced_seconds, limits.nav_age_seconds)):
            price = pair.mark or _cost(state, pair)
            state.records.put(UNPRICED, pair.symbol, Unpriced(since_ns=since_ns, price=price))
            state.heat.set_unpriced(pair, price)

    def _forget(self, symbol: str) -> None:
        if self._state.records.get(UNPRICED, symbol, Unpriced) is None:
            return
        self._state.records.delete(UNPRICED, symbol)
        if (pair := self._state.heat.pair(symbol)) is not None:
            self._state.heat.set_unpriced(pair, 0.0)


def holds_dust(state: RiskState, pair: PairHeat) -> bool:
    """Whether what is held of a pair is less than the exchange trades."""
    return is_dust(state.listings.get(pair.symbol), pair.quantity, pair.mark or _cost(state, pair))


def _cost(state: RiskState, pair: PairHeat) -> float:
    """What a unit was bought for: all that is known of its worth where no price ever came."""
    position = state.ledger.position(pair.symbol)
    return float(position.unit_cost) if position is not None else 0.0
