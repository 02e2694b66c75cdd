"""Which queues of clients are not read just now, so that a flood of one leaves the reader free for the others.

Turns alone bound how much of a flood is read before somebody else; but the reader would be at work with it all the
time, and whoever comes would wait for the end of a step, and for its writes. So a queue that gave all that one read
takes rests, for some times as long as the step with it took. It rests only while others are about: alone it may have
all of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

RESTS = 4  # times as long as its step took: a flood has a fifth of the time
LONGEST_STEP_SECONDS = 0.1  # that counts: a process may have slept
ABOUT_SECONDS = 5.0  # so long after its last entry a client counts as being about


class Resting:
    """Keeps who rests, step by step.

    whole: as many entries as one read takes of a queue: more of it wait then. seconds: steady time.
    """

    def __init__(self, whole: int, seconds: Callable[[], float] = monotonic) -> None:
        self._whole, self._seconds = whole, seconds
        self._until: dict[str, float] = {}
        self._last: dict[str, float] = {}  # when a queue gave something
        self._working: tuple[str, ...] = ()  # those that gave all that a read takes, in the step that is going on
        self._began = 0.0

    def end_step(self) -> None:
        """What was read last is done with: whoever gave much of it rests."""
        now = self._seconds()
        for queue in self._working:
            if any(now - at < ABOUT_SECONDS for other, at in self._last.items() if other != queue):
                self._until[queue] = now + RESTS * min(now - self._began, LONGEST_STEP_SECONDS)
        self._working = ()

    def begin_step(self, given: Mapping[str, int], *, never: str = "") -> None:
        """given: how many entries each queue gave. never: the one that does not rest, for anybody may write there."""
        self._began = self._seconds()
        self._last |= dict.fromkeys(given, self._began)
        self._working = tuple(queue for queue, count in given.items() if count >= self._whole and queue != never)

    def awake(self, queues: Sequence[str]) -> tuple[str, ...]:
        """Those that do not rest."""
        if not self._until:
            return tuple(queues)
        now = self._seconds()
        self._until = {queue: until for queue, until in self._until.items() if until > now}
        return tuple(queue for queue in queues if queue not in self._until)

    @property
    def seconds_left(self) -> float | None:
        """Until the first of them is read again; None where none rests."""
        return max(0.0, min(self._until.values()) - self._seconds()) if self._until else None
