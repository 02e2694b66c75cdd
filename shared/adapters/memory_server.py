"""What a server keeps for the buses in memory: streams, channels, hashes and the state of machines.

Buses of several portfolios may share one, as they do on a real server. It lives in one event loop, and nothing in it
ever expires.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.adapters.codec import entry_of, most_bytes_of
from shared.messages.base import Message
from shared.messages.catalogue import client_of_key
from shared.messages.keys import Keys
from shared.messages.market import BarClosed
from shared.ports.clock import ClockOrigin
from shared.ports.signatures import SIGNATURE_FIELD
from shared.ports.streams import Entry, Listener

LISTENER_BOUND = 10_000
FIELDS_BYTES, BEGINNING_BYTES = 4096, 4096  # as in ``adapters.redis.ranges`` and its function
Copy = tuple[str, bytes]  # a channel, and what was published on it


class MemoryListener(Listener):
    """See ``ports.streams.Listener``."""

    def __init__(self, channels: frozenset[str]) -> None:
        self.channels = channels
        self._copies: asyncio.Queue[Copy] = asyncio.Queue(LISTENER_BOUND)

    def deliver(self, channel: str, body: bytes) -> None:
        if not self._copies.full():  # a slow listener loses copies, as with Redis
            self._copies.put_nowait((channel, body))

    async def next(self, timeout_seconds: float) -> Copy | None:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._copies.get()
        except TimeoutError:
            return None


class Tenure:
    """Who holds a lease, and the epoch that came with it.

    holder: empty for nobody. held_until: when the lease runs out, in the loop's time.
    """

    def __init__(self) -> None:
        self.holder, self.held_until, self.epoch = "", 0.0, 0

    def is_free_for(self, owner: str) -> bool:
        """Whether nobody else holds it."""
        return self.holder in ("", owner) or asyncio.get_running_loop().time() >= self.held_until

    def take(self, owner: str, seconds: float) -> int:
        """Hold it from now on; returns the new epoch."""
        self.epoch += 1
        self.hold(owner, seconds)
        return self.epoch

    def hold(self, owner: str, seconds: float) -> None:
        """Hold it for so long."""
        self.holder, self.held_until = owner, asyncio.get_running_loop().time() + seconds

    def give_back(self, owner: str) -> None:
        """Let others have it, unless they have it by now."""
        if self.holder == owner:
            self.holder = ""


class MachineState(Tenure):
    """What the commits of one machine left behind, and who may make the next one.

    group: how the names of its reading groups begin. delivered: how many entries of a stream were given out. pending:
    which of them were not handled, by number. tries: what was begun and did not end, and how often.
    """

    def __init__(self) -> None:
        super().__init__()
        self.group = ""
        self.seq = self.digest = 0
        self.seal = ""
        self.cursors: dict[str, str] = {}
        self.records: dict[str, bytes] = {}
        self.delivered: dict[str, int] = {}
        self.pending: dict[str, set[int]] = defaultdict(set)
        self.reserved: dict[str, float] = {}
        self.tries: dict[str, int] = {}


class MemoryServer:
    """Everything by the same keys as on a real server.

    streams: the messages of each stream; an entry's id is its place, from 1 on. gone: how many of the first ones were
    taken out of a stream. signatures: of entries, by stream and place. clients: the names of those that have a queue,
    by home. latest: the newest mark or book of each pair. opened_ns: when the last bar of each pair opened, by stream.
    decisions: stored decisions. proposals: those that are known to stand in their stream, each with the copy that a
    commit published, until that is heard. machines: by home and service. heartbeats: by hash, then by service.
    memory_used: the share of its bound, which whoever tests a full memory sets. market: who writes it.
    """

    def __init__(self) -> None:
        self.streams: dict[str, list[bytes]] = defaultdict(list)
        self.signatures: dict[tuple[str, int], bytes] = {}
        self.gone: dict[str, int] = defaultdict(int)
        self.clients: dict[str, list[str]] = defaultdict(list)
        self.latest: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.opened_ns: dict[str, dict[str, int]] = defaultdict(dict)
        self.decisions: dict[str, bytes] = {}
        self.proposals: dict[str, bytes] = {}
        self.machines: dict[tuple[str, str], MachineState] = defaultdict(MachineState)
        self.heartbeats: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.memory_used = 0.0
        self.market = Tenure()
        self.identity = ""
        self.clock: ClockOrigin | None = None
        self._arrived = asyncio.Event()
        self._listeners: list[MemoryListener] = []

    def append(
        self, keys: Keys, message: Message, body: bytes, sign: Callable[[str, bytes], bytes] = lambda *_: b""
    ) -> None:
        """Append a message to its streams, and publish the copies. sign: makes an entry's signature."""
        for _, key in keys.places_of(message):
            self.append_bytes(key, body, sign(key, body))
            self.publish(key, body)
        if isinstance(message, BarClosed):
            self.publish(f"{key}:{message.symbol}", body)

    def append_bytes(self, key: str, body: bytes, signature: bytes = b"") -> None:
        """What XADD does."""
        self.streams[key].append(body)
        if signature:
            self.signatures[key, self.end(key)] = signature
        self._arrived.set()

    def entry(self, stream: str, number: int) -> Entry:
        """The entry at a place of a stream, which must be there. Of one that is too long, the beginning."""
        body, size = self.streams[stream][number - self.gone[stream] - 1], 0
        if len(body) > most_bytes_of(stream) + FIELDS_BYTES:
            body, size = body[:BEGINNING_BYTES], len(body)
        fields = {b"m": body, SIGNATURE_FIELD: self.signatures.get((stream, number), b"")}
        return entry_of(stream, f"{number}-0".encode(), fields, size)

    def end(self, stream: str) -> int:
        """The place of a stream's last entry, be it there or not; 0 for one that never had any."""
        return self.gone[stream] + len(self.streams[stream])

    def take_out(self, stream: str, count: int) -> None:
        """What XTRIM does, of whomever: the first entries go."""
        del self.streams[stream][:count]
        self.gone[stream] += count

    def trim(self, stream: str, keep: int) -> None:
        """Shorten a stream to ``keep`` entries, without what one of its readers was not given or did not finish."""
        spare = len(self.streams[stream]) - keep
        readers = [machine for machine in self.machines.values() if stream in machine.delivered]
        if spare <= 0 or (client_of_key(stream) and not readers):  # a client's queue will have its reader
            return
        for machine in readers:
            taken = min(machine.pending[stream], default=machine.delivered[stream] + 1) - 1
            spare = min(spare, taken - self.gone[stream])
        self.take_out(stream, max(0, spare))

    async def arrival(self, wait_ms: int) -> None:
        """Wait until something is appended to any stream, at most ``wait_ms`` milliseconds."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._arrived.wait()
        except TimeoutError:
            pass

    def publish(self, channel: str, body: bytes) -> None:
        """What PUBLISH does."""
        for listener in self._listeners:
            if channel in listener.channels:
                listener.deliver(channel, body)

    @contextmanager
    def listener(self, channels: frozenset[str]) -> Iterator[MemoryListener]:
        """What SUBSCRIBE does, for as long as the block lasts."""
        listener = MemoryListener(channels)
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
