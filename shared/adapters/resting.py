"""Which sources of work are left alone just now, so that a flood of one leaves its reader free for the others.

A source is whatever one of many may fill, and others can wait for: the queue of a client, the questions of all. Signals
are none: those of strategies, by which positions are sold, stand in one stream with those of clients.
Turns alone bound how much of a flood is read before somebody else; but the reader would be at work with it all the
time, and whoever comes would wait for the end of a step, and for its writes. So a source that gave all that one step
takes rests, for some times as long as the step with it took. It rests only while others are about: alone it may have
all of the time.
"""

from collections.abc import Callable, Collection, Sequence
from time import monotonic

RESTS = 4  # times as long as its step took: a flood has a fifth of the time
LONGEST_STEP_SECONDS = 0.1  # that counts: a process may have slept
ABOUT_SECONDS = 5.0  # so long after it last gave something a source counts as being about


class Resting:
    """Keeps who rests, step by step. seconds: steady time."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}
        self._last: dict[str, float] = {}  # when a source gave something
        self._working: tuple[str, ...] = ()  # those that gave all that a step takes, in the one that is going on
        self._began = 0.0

    def end_step(self) -> None:
        """What was read last is done with: whoever gave much of it rests."""
        now = self._seconds()
        for source in self._working:
            if any(now - at < ABOUT_SECONDS for other, at in self._last.items() if other != source):
                self._until[source] = now + RESTS * min(now - self._began, LONGEST_STEP_SECONDS)
        self._working = ()

    def begin_step(self, gave: Collection[str], gave_all: Sequence[str]) -> None:
        """gave: the sources that this step has something of. gave_all: those of them that have more, as it seems."""
        self._began = self._seconds()
        self._last |= dict.fromkeys(gave, self._began)
        self._working = tuple(gave_all)

    def awake(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Those that do not rest."""
        if not self._until:
            return tuple(sources)
        now = self._seconds()
        self._until = {source: until for source, until in self._until.items() if until > now}
        return tuple(source for source in sources if source not in self._until)

    @property
    def seconds_left(self) -> float | None:
        """Until the first of them is awake again; None where none rests."""
        return max(0.0, min(self._until.values()) - self._seconds()) if self._until else None
