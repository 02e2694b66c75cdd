"""Frames in, bars to publish out: each closed bar of one pair and timeframe once, in order, without gaps.

The exchange's streams lose, repeat, delay and reorder frames. Bars stand on a grid of open times, so arithmetic shows
what is missing, and REST is asked for it. Only when REST has been asked twice, and knows a later bar, is a missing bar
a hole at the exchange itself. Holes are counted (``hole_before``), never filled with invented prices.

    sequencer = BarSequencer("1h", last_open_ns=watermark)   # or warm it with ``answer`` when nothing was published yet
    publish(sequencer.frame(bar))                            # from the stream: 0, 1 or many bars
    if gap := sequencer.gap: ...                             # ask REST for it, then
    publish(sequencer.answer(bars, until_ns))

Whatever is dropped here (the buffer is bounded) is not lost: the grid still shows it as missing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from shared.domain.timeframes import timeframe_ns
from shared.messages.market import BarClosed


class Span(NamedTuple):
    """Open times from ``since_ns`` up to, not including, ``until_ns``."""

    since_ns: int
    until_ns: int


class BarSequencer:
    """The bars of one pair and timeframe, put in order.

    last_open_ns: open time of the last bar ever published; None if there was none. Then the sequencer is cold: it keeps
        frames back until the first ``answer`` has brought history.
    buffer_limit: how many bars may wait for earlier ones.
    """

    def __init__(self, timeframe: str, last_open_ns: int | None = None, *, buffer_limit: int = 1000) -> None:
        self.step_ns = timeframe_ns(timeframe)
        self.next_open_ns: int | None = None if last_open_ns is None else last_open_ns + self.step_ns
        self.duplicates = 0
        self.misfits = 0
        self.overflows = 0
        self.holes = 0
        self._published_any = last_open_ns is not None
        self._held: dict[int, BarClosed] = {}
        self._buffer_limit = buffer_limit
        self._answered_until_ns = -1

    @property
    def cold(self) -> bool:
        """Nothing was published yet and no history has come."""
        return self.next_open_ns is None

    @property
    def held(self) -> int:
        """Bars that wait for earlier ones."""
        return len(self._held)

    @property
    def gap(self) -> Span | None:
        """What is missing between the last published bar and the first one held back."""
        if self.next_open_ns is None or not self._held:
            return None
        return Span(self.next_open_ns, min(self._held))

    def due(self, now_ns: int) -> Span | None:
        """The bars that must have closed by ``now_ns`` and were not published, held back or not."""
        if self.next_open_ns is None:
            return None
        count = (now_ns - self.next_open_ns) // self.step_ns
        return Span(self.next_open_ns, self.next_open_ns + count * self.step_ns) if count > 0 else None

    def settled(self, now_ns: int) -> bool:
        """Every bar that closed by ``now_ns`` was published, or REST answered that there is none."""
        if self.next_open_ns is None:
            return False
        due = self.due(now_ns)
        return due is None or (not self._held and due.until_ns <= self._answered_until_ns)

    def frame(self, bar: BarClosed) -> list[BarClosed]:
        """Take in a closed bar from the stream; gives out what may be published now."""
        if not self._fits(bar):
            self.misfits += 1
            return []
        if (self.next_open_ns is not None and bar.open_time_ns < self.next_open_ns) or bar.open_time_ns in self._held:
            self.duplicates += 1
            return []
        if len(self._held) >= self._buffer_limit and bar.open_time_ns != self.next_open_ns:
            self.overflows += 1
            return []
        self._held[bar.open_time_ns] = bar
        return self._contiguous()

    def answer(self, bars: Iterable[BarClosed], until_ns: int, *, history: bool = False) -> list[BarClosed]:
        """Take in what REST has: all closed bars there are from ``next_open_ns`` (as of the question) to ``until_ns``.

        While the sequencer is cold, they are all bars that are wanted of the past.

        history: REST had time to settle, so its holes are believed at once.
        """
        for bar in sorted(bars, key=lambda bar: bar.open_time_ns):
            if not self._fits(bar) or bar.open_time_ns >= until_ns:
                self.misfits += 1
            elif self.next_open_ns is None or bar.open_time_ns >= self.next_open_ns:
                self._held.setdefault(bar.open_time_ns, bar)
        if self.next_open_ns is None:
            self.next_open_ns = min([*self._held, self._on_grid(until_ns)])
        believed_ns = until_ns if history else min(until_ns, self._answered_until_ns)
        self._answered_until_ns = max(self._answered_until_ns, until_ns)
        published = self._contiguous()
        while (gap := self.gap) is not None and gap.until_ns <= believed_ns:
            published += self._across(gap)
        return published

    def _across(self, gap: Span) -> list[BarClosed]:
        """Step over a hole; the first bar behind it says how many are missing."""
        missing = (gap.until_ns - gap.since_ns) // self.step_ns
        self.next_open_ns = gap.until_ns
        if self._published_any:
            self.holes += missing
            self._held[gap.until_ns] = replace(self._held[gap.until_ns], hole_before=missing)
        return self._contiguous()

    def _contiguous(self) -> list[BarClosed]:
        """Take out the bars that follow on what was published."""
        ready: list[BarClosed] = []
        while self.next_open_ns is not None and (bar := self._held.pop(self.next_open_ns, None)) is not None:
            ready.append(bar)
            self.next_open_ns += self.step_ns
        self._published_any = self._published_any or bool(ready)
        return ready

    def _fits(self, bar: BarClosed) -> bool:
        """Whether the bar stands on the grid."""
        return bar.open_time_ns % self.step_ns == 0

    def _on_grid(self, time_ns: int) -> int:
        return -(-time_ns // self.step_ns) * self.step_ns
