"""Keeps child processes running: starts them, passes their output on, restarts the dead with backoff, ends all cleanly.

Every child leads a session of its own, so that Ctrl-C on the terminal reaches the supervisor alone, which then ends the
children in order. On Linux the kernel ends them too when the supervisor itself is killed: nothing is left behind.
"""

import asyncio
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from shared.adapters.parent_death import die_with_parent
from shared.config.faults import EXIT_CONFIG

END_SECONDS = 10.0
CRASHES_IN_A_ROW = 3
LINE_BYTES = 1 << 20
KILLED = (-signal.SIGKILL, -signal.SIGTERM)  # by somebody else, which says nothing about the child


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the nth restart in a row.

    first_seconds: before the first one.
    factor: how much longer each wait is than the one before.
    longest_seconds: no wait is longer.
    healthy_seconds: after running for so long, the count starts anew.
    """

    first_seconds: float = 0.5
    factor: float = 2.0
    longest_seconds: float = 15.0
    healthy_seconds: float = 30.0

    def delay_seconds(self, failures: int) -> float:
        return min(self.first_seconds * self.factor ** min(failures, 30), self.longest_seconds)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run.

    name: how the child is called.
    command: the program and its arguments.
    environ: its whole environment.
    stage: at the end, children of a higher stage are ended before those of a lower one.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    stage: int = 1


@dataclass(slots=True)
class Child:
    """A child as it is now.

    spec: what it runs.
    process: the process that runs, or ran last.
    restarts: how often it was started again.
    exit_code: of its last end; negative for a signal.
    crashes: how often in a row it ended by itself soon after the start.
    began: when it was started last, on the event loop's clock.
    started: set once it has been started for the first time.
    """

    spec: ChildSpec
    process: Process | None = None
    restarts: int = 0
    exit_code: int | None = None
    crashes: int = 0
    began: float = 0.0
    started: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0


@dataclass(frozen=True, slots=True)
class ChildEvent:
    """What happened to a child.

    kind: ``started``; ``died``, and it starts again; ``refused``: it ended because of its configuration, and is not
    started again; ``killed``: it did not end by itself when it was asked to; ``hung``: it did not beat any more, and is
    killed, so that it starts again; ``left``: it hung too often, and is left so.
    child: which one.
    delay_seconds: how long it takes until it starts again.
    """

    kind: str
    child: Child
    delay_seconds: float = 0.0


class Supervisor:
    """Runs children within a task group of the caller, who calls ``end`` before the group is left.

    on_line: is called with a child's name and every line that it writes.
    on_event: is called with everything that happens to a child.
    backoff: how long to wait before restarts.
    """

    def __init__(
        self,
        on_line: Callable[[str, str], None],
        on_event: Callable[[ChildEvent], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.children: dict[str, Child] = {}
        self._on_line, self._on_event = on_line, on_event
        self._backoff = backoff or Backoff()
        self._ending = asyncio.Event()

    @property
    def restarts(self) -> int:
        return sum(child.restarts for child in self.children.values())

    def failing(self) -> list[Child]:
        """Children that do not stay up: refused or crashed and not there now, or crashed again and again until now."""
        now = asyncio.get_running_loop().time()
        return [child for child in self.children.values() if self._is_failing(child, now)]

    def _is_failing(self, child: Child, now: float) -> bool:
        if child.process is None:
            return False
        if not child.running:
            return child.process.returncode not in KILLED
        return child.crashes >= CRASHES_IN_A_ROW and now - child.began < self._backoff.healthy_seconds

    def start(self, spec: ChildSpec, group: asyncio.TaskGroup) -> Child:
        """Keep a child running until ``end``."""
        child = self.children[spec.name] = Child(spec)
        group.create_task(self._keep(child), name=f"keep {spec.name}")
        return child

    async def _keep(self, child: Child) -> None:
        """Run, and run again, until the end."""
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._ending.is_set():
            began = child.began = loop.time()
            child.exit_code = await self._run_once(child)
            if self._ending.is_set():
                return
            if child.exit_code == EXIT_CONFIG:
                self._on_event(ChildEvent("refused", child))
                return
            if loop.time() - began >= self._backoff.healthy_seconds:
                failures = child.crashes = 0
            child.crashes += child.exit_code not in KILLED
            delay = self._backoff.delay_seconds(failures)
            failures += 1
            child.restarts += 1
            self._on_event(ChildEvent("died", child, delay))
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._ending.wait()

    async def _run_once(self, child: Child) -> int:
        """Start the process, pass its lines on, and wait for its end; returns the exit code."""
        process = await asyncio.create_subprocess_exec(
            *child.spec.command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=dict(child.spec.environ),
            limit=LINE_BYTES,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        child.process = process
        child.started.set()
        self._on_event(ChildEvent("started", child))
        if self._ending.is_set():  # the end was called while the process was being made
            _signal(child, signal.SIGKILL)
        assert process.stdout is not None
        await self._pass_on(child.spec.name, process.stdout)
        return await process.wait()

    async def _pass_on(self, name: str, output: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await output.readline()
            except ValueError:  # a line beyond LINE_BYTES: drop it, go on with the next
                continue
            if not line:
                return
            self._on_line(name, line.decode(errors="replace").rstrip("\n"))

    async def end(self, seconds: float = END_SECONDS, *, down_to_stage: int = 0) -> None:
        """SIGTERM stage by stage, highest first; whoever does not end within ``seconds`` is killed by its id.

        From here on nobody is started again, in the stages that still run either.
        """
        self._ending.set()
        stages = {child.spec.stage for child in self.children.values() if child.spec.stage >= down_to_stage}
        for stage in sorted(stages, reverse=True):
            children = [child for child in self.children.values() if child.spec.stage == stage and child.running]
            for child in children:
                _signal(child, signal.SIGTERM)
            await self._wait_for(children, seconds)

    async def _wait_for(self, children: list[Child], seconds: float) -> None:
        waits = [child.process.wait() for child in children if child.process is not None]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*waits)
        for child in children:
            if child.running and child.process is not None:
                _signal(child, signal.SIGKILL)
                self._on_event(ChildEvent("killed", child))
                await child.process.wait()

    def kill_hung(self, child: Child) -> None:
        """Kill a child that hangs: a stopped process hears nothing else. It is started again like one that died."""
        if not self._ending.is_set():
            self._on_event(ChildEvent("hung", child))
            _signal(child, signal.SIGKILL)

    def leave_hung(self, child: Child) -> None:
        """Tell that a child hangs, and leave it so."""
        if not self._ending.is_set():
            self._on_event(ChildEvent("left", child))

    def kill(self) -> None:
        """End everything at once, for a second Ctrl-C."""
        self._ending.set()
        for child in self.children.values():
            if child.running:
                _signal(child, signal.SIGKILL)


def _signal(child: Child, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if child.process is not None:
            child.process.send_signal(number)
