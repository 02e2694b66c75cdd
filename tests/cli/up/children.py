"""A supervisor with tiny children of its own, and what it reported."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.cli.up.supervisor import Backoff, ChildEvent, ChildSpec, Supervisor
from tests.patience import PATIENCE_SECONDS

QUICK = Backoff(first_seconds=0.02, factor=2.0, longest_seconds=0.1, healthy_seconds=60.0)


class Notes:
    """What the supervisor reported."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.events: list[ChildEvent] = []
        self._changed = asyncio.Event()

    def line(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._changed.set()

    def event(self, event: ChildEvent) -> None:
        self.events.append(event)
        self._changed.set()

    def kinds(self, name: str = "child") -> list[str]:
        return [event.kind for event in self.events if event.child.spec.name == name]

    async def until_line(self, text: str, count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(text in line for _, line in self.lines) < count:
                self._changed.clear()
                await self._changed.wait()

    async def until_event(self, kind: str, count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(event.kind == kind for event in self.events) < count:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def supervised(*specs: ChildSpec, end_seconds: float = 10.0) -> AsyncIterator[tuple[Supervisor, Notes]]:
    notes = Notes()
    supervisor = Supervisor(notes.line, notes.event, QUICK)
    async with asyncio.TaskGroup() as group:
        try:
            for spec in specs:
                supervisor.start(spec, group)
            yield supervisor, notes
        finally:
            await supervisor.end(end_seconds)


def python(code: str, name: str = "child", stage: int = 1) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-u", "-c", code), {}, stage)


SLEEPS = "import time; print('up'); time.sleep(600)"


def is_gone(pid: int) -> bool:
    """No such process, or one that only waits to be collected by init."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
