"""Recording the order books of a running stack, as a visitor that joins and leaves at any time.

Books are no stream: the bus keeps the latest of each pair, and publishes each once. So two ways are taken at once.
The channel brings every sample while the connection holds. The latest ones are asked for at the beginning, after every
break and every few seconds, so that a break loses nothing that is shorter than the time between two samples of a pair.
A longer one is written down, with its times. What is known of a pair's days comes from the stream of daily bars.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from shared.adapters.books.files import HeardBook
from shared.adapters.books.recorder import BookRecorder
from shared.adapters.codec import UnreadableError, decode
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.domain.bars.series import DailyHistory
from shared.domain.plan import SizingPlan
from shared.domain.timeframes import DAILY, SECOND_NS
from shared.messages.catalogue import BARS, BOOKS
from shared.messages.market import BarClosed, BookSampled
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.errors import BusLostError

LISTEN_SECONDS = 0.25
LOOK_SECONDS = 5.0
SEAL_SECONDS = 300.0
LATER_SECONDS, LATEST_SECONDS = 1.0, 30.0  # between two tries to reach a server
DAYS_WAIT_MS = 1_000
LONGEST_BREAK_NS = 60 * SECOND_NS  # of market time: no pair is sampled twice in it, at the usual pace
UNREADABLE = "unreadable"


class Told(Protocol):
    """Whoever wants to hear how it goes."""

    def __call__(self, event: str, /, **facts: int | str) -> None:
        """event: what happened; facts: its figures."""
        ...


async def source_of(stack: StackLocator, bus: Bus) -> str:
    """Whose books a stack's are: those of Binance are the same on any server, a simulated market has its own."""
    return "binance" if stack.exchange == "binance" else f"sim {await bus.identity()}"


class RecordingRefusedError(UserError):
    """Books cannot be recorded there."""


async def open_recorder(stack: StackLocator, store: Path) -> BookRecorder:
    """A recorder into ``<store>/<exchange>/books``.

    Raises ``RecordingRefusedError``, ``BooksError``, ``BusLostError``.
    """
    async with stack.bus() as bus:
        source = await source_of(stack, bus)
    try:
        return BookRecorder(store / stack.exchange / BOOKS.name, source)
    except OSError as error:
        raise RecordingRefusedError(f"{error.filename or store}: cannot be written: {error.strerror}") from None


async def record_books(stack: StackLocator, recorder: BookRecorder, stop: asyncio.Event, told: Told) -> None:
    """Record until ``stop`` is set. A server that is away is waited for. Whoever closes the recorder seals the rest."""
    wait_seconds, left_ns = LATER_SECONDS, recorder.last_ns  # of the run before, if there was one
    while not stop.is_set():
        recording: Recording | None = None
        try:
            async with stack.bus() as bus:
                recording = Recording(bus, recorder, stack.settings.plan.sizing, await stack.clock(bus), left_ns)
                await recording.run(stop, told)
        except* BusLostError as lost:
            told("server_away", reason=str(lost.exceptions[0]), retry_seconds=int(wait_seconds))
        if recording is not None and recording.heard_ns:
            left_ns, wait_seconds = recording.heard_ns, LATER_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await stop.wait()
        wait_seconds = min(LATEST_SECONDS, wait_seconds * 2.0)


class Recording:
    """One connection's worth of it.

    left_ns: market time until which somebody listened before; 0 when nobody ever did.
    heard_ns: market time until which this one listened.
    """

    def __init__(self, bus: Bus, recorder: BookRecorder, plan: SizingPlan, clock: Clock, left_ns: int = 0) -> None:
        self._bus, self._recorder, self._clock = bus, recorder, clock
        self._left_ns = left_ns
        self._days: dict[str, DailyHistory] = defaultdict(
            lambda: DailyHistory(atr_days=plan.atr_days, adv_days=plan.adv_days)
        )
        self._cursors = {bus.keys.of(BARS, DAILY): "0-0"}
        self._latest: dict[str, BookSampled] = {}
        self.heard_ns = 0

    async def run(self, stop: asyncio.Event, told: Told) -> None:
        """Listen until ``stop`` is set. Raises ``BusLostError``, in a group, when the server is away."""
        while await self._read_days(0):  # what is kept, before the first book
            pass
        async with self._bus.listen(self._bus.keys.of(BOOKS)) as listener:
            await self.look()
            now_ns = self._clock.now_ns()
            if self._left_ns and now_ns - self._left_ns > LONGEST_BREAK_NS:
                self._recorder.was_away(self._left_ns, now_ns)
                told("absent", seconds=(now_ns - self._left_ns) // SECOND_NS)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(each) for each in (self._look_often(), self._follow_days(), self._seal(told))
                ]
                while not stop.is_set():
                    if copy := await listener.next(LISTEN_SECONDS):
                        self._take_bytes(copy[1])
                    self.heard_ns = self._clock.now_ns()
                for task in tasks:
                    task.cancel()
            await self.look()

    def _take_bytes(self, body: bytes) -> None:
        try:
            book = decode(body, (BookSampled,))
        except UnreadableError:
            self._recorder.refuse(UNREADABLE)
            return
        if isinstance(book, BookSampled):
            if (seen := self._latest.get(book.symbol)) and seen.time_ns < book.time_ns:
                self._take_if_new(seen)
            self._take(book)

    def _take_if_new(self, book: BookSampled) -> None:
        if book.time_ns > self._recorder.last_of(book.symbol):
            self._take(book)

    def _take(self, book: BookSampled) -> None:
        figures = self._days[book.symbol].as_of(book.time_ns)
        self._recorder.take(HeardBook(book=book, adv_usdt=figures.adv_usdt, sigma_day=figures.sigma_day))

    async def look(self) -> None:
        """Take the latest books of the look before, where no copy of them came since, and look again.

        Not those of this look: copies of earlier ones may still be on their way, and would come too late then. A copy
        of a later one takes them along.
        """
        for book in self._latest.values():
            self._take_if_new(book)
        self._latest = await self._bus.books()

    async def _look_often(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def _read_days(self, wait_ms: int) -> bool:
        entries = await self._bus.read_from(self._cursors, wait_ms)
        for entry in entries:
            if isinstance(entry.message, BarClosed):
                self._days[entry.message.symbol].add(entry.message)
        return bool(entries)

    async def _follow_days(self) -> None:
        while True:
            await self._read_days(DAYS_WAIT_MS)

    async def _seal(self, told: Told) -> None:
        while True:
            await asyncio.sleep(SEAL_SECONDS)
            self._recorder.seal()
            told("sealed", pairs=self._recorder.pairs, samples=self._recorder.taken)
