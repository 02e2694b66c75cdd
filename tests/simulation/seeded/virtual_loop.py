"""An event loop whose time is virtual: when nobody has anything to do, it jumps to when somebody has.

So a second of waiting costs nothing, and nothing depends on how fast the machine is. Tasks take turns in asyncio's own
order, which is fixed; what comes before what is decided by the waits that faults and latencies draw from the seed. This
is how FoundationDB's simulation and TigerBeetle's VOPR do it: one thread, one clock, one source of chance.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StuckError(RuntimeError):
    """Everybody waits for somebody else, and no time will help."""


class _JumpingSelector(selectors.SelectSelector):
    """Nothing comes from outside: instead of waiting for it, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StuckError("everybody waits, and nothing is planned")
        if timeout > 0:
            self.time += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module. Its time begins at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """What ``asyncio.run`` does, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
