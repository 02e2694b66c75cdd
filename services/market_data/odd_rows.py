"""Rows of the exchange that cannot be, by feed and pair: nobody acts on them, and the pair is off by name meanwhile.

The feeds are those of ``FeedLost``: ``marks`` for best prices, ``bars:<timeframe>``, ``listing`` for what the exchange
says of the pair, ``books`` for its order book. A pair is back once good rows came and no odd one for a while.
"""

from dataclasses import dataclass

from shared.ports.clock import Clock

CALM_SECONDS = 3.0  # without an odd row, before good ones are believed again


@dataclass(slots=True)
class OddRow:
    """reason: what is wrong with the newest, and the row. seen_steady_ns: when. is_over: a good one followed."""

    reason: str
    seen_steady_ns: int
    is_over: bool = False


class OddRows:
    """The newest odd row of each feed of a pair, until it is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[tuple[str, str], OddRow] = {}

    def note(self, feed: str, symbol: str, reason: str) -> None:
        """An odd row came."""
        self._rows[feed, symbol] = OddRow(reason, self._clock.steady_ns())

    def good(self, feed: str, symbol: str) -> None:
        """A good row came."""
        if self._rows and (row := self._rows.get((feed, symbol))) is not None:
            row.is_over = True

    def reason(self, feed: str, symbol: str) -> str:
        """What is wrong with the feed's rows; empty when nothing is."""
        if not self._rows or (row := self._rows.get((feed, symbol))) is None:
            return ""
        if row.is_over and self._clock.steady_ns() - row.seen_steady_ns >= CALM_SECONDS * 1e9:
            del self._rows[feed, symbol]
            return ""
        return row.reason

    def of(self, *feeds: str) -> list[tuple[str, str]]:
        """The feeds with odd rows now, as (feed, symbol), of these kinds."""
        return [key for key in tuple(self._rows) if key[0] in feeds and self.reason(*key)]

    def __len__(self) -> int:
        return len(self._rows)
