"""The latest price of each pair, which reports are held against. It derives from the market, so it is in no record."""

from shared.domain.universe import PairNames, Universe


class LatestPrices:
    """Prices by pair, USDT per unit; of marks and of closed bars, whichever is newer."""

    def __init__(self, universe: Universe) -> None:
        self._names = PairNames(universe)
        self._prices: dict[str, tuple[int, float]] = {}

    def knows(self, symbol: str) -> bool:
        """Whether the pair is in the universe, by any of its names."""
        return self._names.get(symbol) is not None

    def of(self, symbol: str) -> float:
        """The latest; 0 before the first."""
        return self._prices.get(symbol, (0, 0.0))[1]

    def fresh(self, symbol: str, now_ns: int, age_limit_ns: int) -> float:
        """The latest, if it is of a moment ago; 0 when it is not."""
        time_ns, price = self._prices.get(symbol, (0, 0.0))
        return price if abs(now_ns - time_ns) <= age_limit_ns else 0.0

    def take(self, symbol: str, price: float, time_ns: int, now_ns: int, age_limit_ns: int) -> None:
        """A price; one of a time to come keeps nothing out."""
        known_ns = self._prices.get(symbol, (0, 0.0))[0]
        is_ahead = 0 < now_ns < known_ns - age_limit_ns
        if self.knows(symbol) and (time_ns >= known_ns or is_ahead):
            self._prices[symbol] = (time_ns, price)
