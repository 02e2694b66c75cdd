"""A live stack that takes turns: the processes of a stack, of which one works at a time, in the order of a replay.

Processes that run side by side race: whether risk hears first of a bar or of the stop that this bar hit is left to the
machine's load, and so is whether sizing knows NAV before the bar or after it. A backtest has one order. So that both
can be held to each other message by message, every process stands still (SIGSTOP) but for its turn, and the market's
clock stands, too, and jumps to each instant. Nothing else is different from a stack that runs freely: the programs, the
server, the streams, their leases and commits.
"""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from services import wiring
from services.wiring import TURNS
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import CLOCK_KEY
from shared.messages.base import Message
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, MarkChanged
from shared.ports.clock import WAITING, ClockOrigin
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.replay import Replay
from tests.e2e.processes import service

PASSWORD = "turns"
READS = 3  # what came by a channel or is a reply of another connection is taken in by then
PAUSE_SECONDS = 0.002
BREATH_SECONDS = 1.0  # a process that stood still for longer than its calls may take (5 s) would begin anew
# Risk last: what it says at a new time must meet nobody who does not know that time yet.
HEARING = (wiring.SIGNALS, wiring.SIZING, wiring.EXECUTION, wiring.RISK)


class Told(Replay):
    """A replay that remembers everything it is told, in groups that settle together."""

    def __init__(self, specs: Sequence[MachineSpec], keys: Keys) -> None:
        super().__init__(specs, keys)
        self.told: list[list[Message]] = []

    def feed(self, messages: Iterable[Message]) -> list[Message]:
        self.told.append(list(messages))
        return super().feed(self.told[-1])


class Commands:
    """What each service asks the server, by its user there: how often it read its streams, and looked at the clock."""

    def __init__(self, bus: RedisBus) -> None:
        self._bus = bus
        self._users: dict[str, str] = {}
        self.reads: Counter[str] = Counter()
        self.looks: Counter[str] = Counter()
        self._marks_sent = self._marks_seen = 0
        self.begun = asyncio.Event()

    async def catch_up(self) -> None:
        """Until everything is counted that was asked before now."""
        self._marks_sent += 1
        await self._bus.client.echo(str(self._marks_sent))
        while self._marks_seen < self._marks_sent:
            await asyncio.sleep(PAUSE_SECONDS)

    async def follow(self) -> None:
        async with self._bus.client.monitor() as monitor:
            self.begun.set()
            async for row in monitor.listen():
                name, _, rest = str(row["command"]).partition(" ")
                if name == "XREADGROUP":
                    self.reads[await self._user(row)] += 1
                elif name == "GET" and rest == CLOCK_KEY:
                    self.looks[await self._user(row)] += 1
                elif name == "ECHO":
                    self._marks_seen = int(rest)

    async def _user(self, row: Mapping[str, str]) -> str:
        address = f"{row['client_address']}:{row['client_port']}"
        if address not in self._users:
            self._users |= {each["addr"]: each["user"] for each in await self._bus.client.client_list()}
        return self._users.get(address, "")


class LockStep:
    """A stack that takes turns. Use ``running``, then ``tell`` it what a replay was told."""

    def __init__(self, bus: RedisBus, specs: Sequence[MachineSpec], speed: float) -> None:
        self.bus, self._specs, self._speed = bus, {spec.service: spec for spec in specs}, speed
        self.commands = Commands(bus)
        self.processes: dict[str, Process] = {}
        self._now_ns = 0
        self._stopped: dict[str, float] = {}  # since when they stand still
        self._readers: dict[str, int] = {}  # the connections that they read by
        self._told: set[str] = set()  # who has not heard yet what the clock or a channel says

    async def tell(self, messages: Sequence[Message]) -> None:
        """Tell the stack the time of the first message, then all messages, and let it settle after each."""
        if not messages:
            return
        if messages[0].time_ns > self._now_ns:
            await self._set_time(messages[0].time_ns)
            await self._settle(TURNS)
        is_market = isinstance(messages[0], MarkChanged)
        if is_market:
            await self.bus.set_marks([each for each in messages if isinstance(each, MarkChanged)])
        elif isinstance(messages[0], BarClosed):
            await self.bus.publish_bars([each for each in messages if isinstance(each, BarClosed)])
        else:
            await self.bus.publish(messages)
        await self._settle(TURNS, (wiring.EXECUTION, wiring.RISK) if is_market else ())

    async def set_clock(self, now_ns: int) -> None:
        """Let market time stand at this moment."""
        self._now_ns = now_ns
        origin = ClockOrigin(origin_market_ns=now_ns, origin_wall_ns=0, speed=self._speed, begins_wall_ns=WAITING)
        await self.bus.client.set(CLOCK_KEY, encode(origin))

    async def all_handled(self) -> None:
        """Until everybody has handled what there is."""
        for name in TURNS:
            while await self._waits(name):
                await asyncio.sleep(0.02)

    async def stop_all(self) -> None:
        """Begin to take turns."""
        for name in TURNS:
            await self._stop(name)
            await self._let_others_breathe()

    # --- turns --------------------------------------------------------------------------------------------------------

    async def _set_time(self, now_ns: int) -> None:
        await self.set_clock(now_ns)
        self._told = set(HEARING)
        for name in HEARING:
            await self._turn(name, looks=1)

    async def _settle(self, order: Sequence[str], channels: Sequence[str] = ()) -> None:
        """Rounds, until nothing waits for anybody. channels: who was told something by a channel, which nobody sees."""
        self._told = set(channels)
        busy = True
        while busy:
            busy = False
            for name in order:
                if name in self._told or await self._waits(name):
                    busy = True
                    await self._turn(name)

    async def _turn(self, name: str, *, looks: int = 0) -> None:
        """Let a service work until it has handled all that waits for it."""
        await self._work(name, looks)
        await self._let_others_breathe()

    async def _let_others_breathe(self) -> None:
        """Let those for whom nothing waits run for a moment: they change nothing, and their calls come to an end."""
        for name, since in list(self._stopped.items()):
            is_late = monotonic() - since > BREATH_SECONDS
            if is_late and name not in self._told and not await self._waits(name):
                await self._work(name)

    async def _work(self, name: str, looks: int = 0) -> None:
        self._told.discard(name)
        await self.commands.catch_up()
        looked = self.commands.looks[name] + looks
        self._signal(name, signal.SIGCONT)
        while self.commands.looks[name] < looked:
            await self._nudge(name)
        await self.commands.catch_up()
        read = self.commands.reads[name] + READS
        while self.commands.reads[name] < read or await self._waits(name):
            await self._nudge(name)
        await self._stop(name)

    async def _stop(self, name: str) -> None:
        """Stop a process, and end the read that it waits in: it must not take what is told while it stands still."""
        self._signal(name, signal.SIGSTOP)
        pid = self.processes[name].pid
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        await self._unblock(name)
        self._stopped[name] = monotonic()

    def _signal(self, name: str, number: signal.Signals) -> None:
        assert self.processes[name].returncode is None, f"{name} ended"
        self.processes[name].send_signal(number)

    async def _unblock(self, name: str) -> None:
        """Let a read that waits for entries end as if its time were over.

        What was on its way to the server when the process stood still may be read after our first question.
        """
        await self.bus.client.ping()
        for row in await self.bus.client.client_list():
            if row["user"] == name and "b" in row["flags"]:
                self._readers[name] = int(row["id"])
                await self.bus.client.client_unblock(self._readers[name])

    async def _nudge(self, name: str) -> None:
        """The same for one that works: by the connection that waited last time, without a look at all of them."""
        if name in self._readers:
            await self.bus.client.client_unblock(self._readers[name])
        await asyncio.sleep(PAUSE_SECONDS)

    async def _waits(self, name: str) -> bool:
        """Whether entries wait for a service, or were taken and not committed yet."""
        pipe = self.bus.client.pipeline(transaction=False)
        for stream in self._specs[name].inputs:
            pipe.xinfo_groups(stream)
        rows = [row for groups in await pipe.execute() for row in groups]
        own = [row for row in rows if row["name"].decode().startswith(f"{name}:")]
        return any(row["lag"] != 0 or row["pending"] for row in own)  # a lag that the server cannot tell counts


@asynccontextmanager
async def running(
    stack: LockStep, url: str, folder: Path, settings: Mapping[str, str], now_ns: int
) -> AsyncIterator[LockStep]:
    """The processes of a stack, standing still at this market time with what the server has of the time before."""
    parts = urlsplit(url)
    async with AsyncExitStack() as processes, asyncio.TaskGroup() as group:
        await stack.set_clock(now_ns)
        following: asyncio.Task[None] | None = None
        try:
            for name in TURNS:
                await stack.bus.client.acl_setuser(
                    name, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], channels=["*"], categories=["+@all"]
                )
                own = f"redis://{name}:{PASSWORD}@{parts.netloc}{parts.path}"
                stack.processes[name] = await processes.enter_async_context(service(name, own, folder, settings))
            await until_ready(stack.bus)
            await stack.all_handled()  # read entry by entry, which makes more commands than can be followed
            following = group.create_task(stack.commands.follow())
            await stack.commands.begun.wait()
            await stack.stop_all()
            yield stack
        finally:
            if following is not None:
                following.cancel()
            for process in stack.processes.values():
                if process.returncode is None:
                    process.send_signal(signal.SIGCONT)
            await processes.aclose()
            await stack.bus.client.acl_deluser(*TURNS)


async def until_ready(bus: RedisBus) -> None:
    while not {name for name, beat in (await bus.heartbeats()).items() if beat.state == "ready"} >= set(TURNS):
        await asyncio.sleep(0.05)
