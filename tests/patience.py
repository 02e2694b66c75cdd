"""How long a test waits for what will come anyhow. It bounds a wait that went wrong; no test asserts on time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from subprocess import Popen
from typing import AnyStr, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 120.0  # several workers share two cores


def patiently(holds: Callable[[], object]) -> None:
    """Wait until it holds. Raises ``TimeoutError``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come within {PATIENCE_SECONDS:g} seconds")
        time.sleep(0.02)


async def until(holds: Callable[[], T | Awaitable[T]]) -> T:
    """The same in a loop of events. Returns what held in the end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = holds()
            found = await answer if isawaitable(answer) else answer
            if found:
                return found
            await asyncio.sleep(0.02)


@contextmanager
def killed_at_the_end(process: "Popen[AnyStr]") -> Iterator["Popen[AnyStr]"]:
    """The process, which ends with the block. ``Popen`` by itself would wait for it, also when the test has failed."""
    with process:
        try:
            yield process
        finally:
            process.kill()
