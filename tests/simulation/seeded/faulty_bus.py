"""The bus as one process sees it over a bad line: any bus behind it, by its ports alone.

Each call takes a moment. It may be lost on its way there or back, arrive twice, or be the last thing that the process
does. A process that is stopped (SIGSTOP) finds its calls waiting. One that was killed reaches nothing any more,
whatever its cleaning up would like to do.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from shared.ports.errors import BusLostError
from shared.ports.streams import Listener
from shared.ports.writer_lease import Commit
from tests.simulation.seeded.chance import Chance

T = TypeVar("T")
# What a network, or a client that tries once more, may make happen twice. A read is none of them: nobody repeats it.
REPEATABLE = frozenset({"commit", "publish", "propose", "take_in", "renew", "echo", "answer", "set_marks"})
LATE_SECONDS = 0.05


class CommitWatch(Protocol):
    """Who looks at commits."""

    def committed(self, service: str, epoch: int, commit: Commit) -> None:
        """The store took a commit of a writer with this epoch."""
        ...

    def refused(self, service: str, why: Exception) -> None:
        """The store did not take one."""
        ...

    def heard(self, service: str, seq: int) -> None:
        """The writer got the reply to that commit."""
        ...


class Line:
    """The way of one process to the server.

    task: the process, to be killed. is_dead: it was. paused_until: when a stopped one goes on, in the loop's time.
    """

    def __init__(self, chance: Chance, server_is_away: Callable[[], bool], *, may_crash: bool = True) -> None:
        self._chance, self._server_is_away, self._may_crash = chance, server_is_away, may_crash
        self.task: asyncio.Task[Any] | None = None
        self.is_dead, self.paused_until = False, 0.0

    def kill(self) -> None:
        """SIGKILL: from here on it does nothing that anybody could see."""
        self.is_dead = True
        if self.task is not None:
            self.task.cancel()

    async def pass_through(self) -> None:
        """Wait while the process is stopped; a dead one does not get here."""
        while (left := self.paused_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)
        if self.is_dead:
            raise BusLostError("this process was killed")

    async def call(self, name: str, operation: Callable[[], Awaitable[T]]) -> T:
        """One call over this line."""
        await self.pass_through()
        await asyncio.sleep(self._chance.latency())
        await self.pass_through()
        if self._server_is_away():
            raise BusLostError("the server is away")
        fault = self._chance.call_fault()
        if fault == "crash_in_a_call" and self._may_crash and self._chance.comes_before():
            await self._crash(f"crash_before_{name}")
        if fault == "request_lost":
            self._chance.count(fault)
            raise BusLostError(f"{name} was lost on its way")
        answer = await operation()
        if fault == "crash_in_a_call" and self._may_crash:
            await self._crash(f"crash_after_{name}")
        if fault == "request_doubled" and name in REPEATABLE:
            await self._once_more(operation)
        await asyncio.sleep(self._chance.latency())
        await self.pass_through()
        if fault == "reply_lost" or self._server_is_away():
            self._chance.count("reply_lost")
            self._chance.count(f"reply_lost_of_{name}")
            raise BusLostError(f"the reply to {name} was lost")
        return answer

    async def _once_more(self, operation: Callable[[], Awaitable[Any]]) -> None:
        """The same request arrives again; nobody waits for its answer."""
        self._chance.count("request_doubled")
        try:
            await operation()
        except (RuntimeError, BusLostError) as refused:
            self._chance.count(f"doubled_request_met_{type(refused).__name__}")

    async def _crash(self, where: str) -> None:
        self._chance.count("crash_in_a_call")
        self._chance.count(where)
        self.kill()
        await asyncio.get_running_loop().create_future()  # for ever: it is dead


class _Faulty:
    """Whatever a port has, over the line: coroutines as calls, the rest as it is."""

    def __init__(self, inner: Any, line: Line) -> None:
        self._inner, self._line = inner, line

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def over_the_line(*args: Any, **options: Any) -> Any:
            return await self._line.call(name, lambda: found(*args, **options))

        return over_the_line


class FaultyLease(_Faulty):
    """A ``WriterLease`` over a line.

    service: whose it is. watch: told of every commit that the store took, before anything else happens, and of every
        one whose writer heard of it.
    """

    def __init__(self, inner: Any, line: Line, service: str, watch: "CommitWatch") -> None:
        super().__init__(inner, line)
        self._service, self._watch, self._epoch = service, watch, 0

    async def acquire(self) -> int:
        self._epoch = await self._line.call("acquire", self._inner.acquire)
        return self._epoch

    async def commit(self, commit: Commit) -> bool:
        async def operation() -> bool:
            try:
                are_put: bool = await self._inner.commit(commit)
            except RuntimeError as refused:
                self._watch.refused(self._service, refused)
                raise
            self._watch.committed(self._service, self._epoch, commit)
            return are_put

        are_put: bool = await self._line.call("commit", operation)
        self._watch.heard(self._service, commit.seq)
        return are_put

    async def read(self, wait_ms: int) -> Any:
        patient = 4 * wait_ms  # the fewer reads find nothing, the more runs there are
        return await self._line.call("read", lambda: self._inner.read(patient))


class FaultyListener(Listener):
    """A ``Listener`` over a line: copies come twice, or one after the next."""

    def __init__(self, inner: Listener, line: Line, chance: Chance) -> None:
        self._inner, self._line, self._chance = inner, line, chance
        self._held: list[tuple[str, bytes]] = []

    async def next(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        if self._held:
            return self._held.pop()
        copy = await self._inner.next(timeout_seconds)
        await self._line.pass_through()
        if copy is None:
            return None
        fault = self._chance.copy_fault()
        if fault == "copy_doubled":
            self._chance.count(fault)
            self._held.append(copy)
        if fault == "copy_late" and (next_one := await self._inner.next(LATE_SECONDS)) is not None:
            self._chance.count(fault)
            self._held.append(copy)
            return next_one
        return copy


class FaultyBus(_Faulty):
    """A ``Bus`` over a line.

    leases: every lease that was ever made, which keeps their names apart.
    watch: told of every commit.
    """

    def __init__(
        self,
        inner: Any,
        line: Line,
        chance: Chance,
        leases: list[Any],
        watch: "CommitWatch",
    ) -> None:
        super().__init__(inner, line)
        self._chance, self._leases, self._watch = chance, leases, watch

    def writer_lease(self, service: str, inputs: Sequence[str], **options: Any) -> Any:
        inner = self._inner.writer_lease(service, inputs, **options)
        self._leases.append(inner)
        return FaultyLease(inner, self._line, service, self._watch)

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[Listener]:
        async with self._inner.listen(*channels) as inner:
            yield FaultyListener(inner, self._line, self._chance)
