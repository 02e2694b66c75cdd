"""Ends an ``on_bar`` of a strategy file that does not end by itself: it then fails like one that raises."""

import signal
from types import FrameType, TracebackType

from shared.domain.strategies.guarded import GuardedStrategy

TICK_SECONDS = 1.0
MOST_TICKS = 5  # ticks that came, not seconds: a process that was paused gets one for the whole pause
ON_BAR = GuardedStrategy.on_bar.__code__


class HangGuard:
    """A timer of this process while it is entered; only its main thread can have one.

    It looks which call of ``on_bar`` was interrupted. When that has been the same one for too long, the exception is
    raised right there, and the guard round the strategy takes it. A call costs nothing for it. What hangs in C code
    without looking at signals goes on; then the process stands still, and ``heatsink up`` notices.
    """

    def __init__(self, tick_seconds: float = TICK_SECONDS, most_ticks: int = MOST_TICKS) -> None:
        self._tick_seconds, self._most_ticks = tick_seconds, most_ticks
        self._call: FrameType | None = None
        self._ticks = 0

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGALRM, self._tick)
        signal.setitimer(signal.ITIMER_REAL, self._tick_seconds, self._tick_seconds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _tick(self, _signal: int, frame: FrameType | None) -> None:
        call = _call_of_on_bar(frame)
        if call is None or call is not self._call:
            self._call, self._ticks = call, 0
            return
        self._ticks += 1
        if self._ticks >= self._most_ticks:
            raise TimeoutError(f"stopped after {self._most_ticks * self._tick_seconds:g} seconds")


def _call_of_on_bar(frame: FrameType | None) -> FrameType | None:
    """The guard's call that a frame belongs to; None where no strategy of a file is at work."""
    while frame is not None and frame.f_code is not ON_BAR:
        frame = frame.f_back
    return frame
