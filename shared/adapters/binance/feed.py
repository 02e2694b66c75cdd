"""Live streams over ccxt.pro sockets: each has a fixed list of streams, and a task of its own that keeps it alive.

The lists are fixed because ccxt opens another socket for every list that it has not seen before.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ccxt.base.errors import NetworkError

from shared.adapters.binance.client import BinanceClient, acknowledgement
from shared.domain.universe import exchange_symbol
from shared.ports.exchange import BOOK, ConnectionLost, ConnectionRestored, FeedBatch, Stream, UnavailableError

STREAMS_PER_SOCKET = 1_000  # Binance allows 1024
STREAMS_PER_MESSAGE = 200  # a SUBSCRIBE near 4096 bytes has failed
MESSAGE_GAP_SECONDS = 0.3  # at most 5 messages a second, our pings and pongs included
BACKOFF_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # 300 dials in 5 minutes are allowed for one address
STEADY_SECONDS = 10.0  # a connection that lasted this long was a good one: the next backoff starts afresh
REPLY_SECONDS = 45.0  # ccxt's own dial backoff (30 s) and timeout (10 s), then the reply
CLOSE_SECONDS = 2.0
LOOK_SECONDS = 0.5
SOCKETS_LIMIT = 250

LOST = "lost"  # the future that nothing resolves: it breaks when the socket does


@dataclass(slots=True)
class Socket:
    """One connection.

    url: where it leads; it is the name of the socket too, so each ends in a number of its own.
    streams: what it carries.
    up: it is connected, and every stream on it is subscribed.
    was_up: it was so before.
    attempts: dials since it was last up.
    """

    url: str
    streams: tuple[Stream, ...]
    up: bool = False
    was_up: bool = False
    attempts: int = 0


class CcxtFeed:
    """See ``ports.exchange.Feed``.

    silent_seconds: wall time without any frame after which a socket is renewed.
    """

    def __init__(self, client: BinanceClient, silent_seconds: float) -> None:
        self._client, self._clock, self._inbox = client, client.clock, client.inbox
        self._silent_ns = int(silent_seconds * 1e9)
        self._sockets: dict[str, Socket] = {}
        self._socket_of: dict[Stream, Socket] = {}
        self._new: asyncio.Queue[Socket] = asyncio.Queue(SOCKETS_LIMIT)

    def watch(self, streams: Iterable[Stream]) -> None:
        fresh = [stream for stream in dict.fromkeys(streams) if stream not in self._socket_of]
        for part in _parts(fresh, STREAMS_PER_SOCKET):
            url = f"{self._client.urls['api']['ws']['spot']}/{len(self._sockets)}"
            socket = Socket(url, tuple(part))
            self._sockets[url] = socket
            self._socket_of.update(dict.fromkeys(part, socket))
            self._client.watched.update((exchange_symbol(stream.symbol), stream.symbol) for stream in part)
            self._new.put_nowait(socket)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                socket = await self._new.get()
                group.create_task(self._keep(socket, group))

    async def take(self, timeout_seconds: float) -> FeedBatch:
        return await self._inbox.take(timeout_seconds)

    def reconnect(self, streams: Iterable[Stream], reason: str) -> None:
        for socket in {self._socket_of[stream].url for stream in streams if stream in self._socket_of}:
            if self._sockets[socket].up:
                self._client.break_off(socket, reason)

    @property
    def all_up(self) -> bool:
        return all(socket.up for socket in self._sockets.values())

    def last_heard_steady_ns(self, stream: Stream) -> int:
        socket = self._socket_of.get(stream)
        return self._client.heard_steady_ns.get(socket.url, 0) if socket is not None and socket.up else 0

    # --- one socket -----------------------------------------------------------------------------------------------

    async def _keep(self, socket: Socket, group: asyncio.TaskGroup) -> None:
        """Connect, wait for the end, say so, wait a little, again."""
        failures = 0
        while True:
            since_steady_ns = self._clock.steady_ns()
            try:
                reason = await self._session(socket)
            except UnavailableError as error:
                reason = str(error)
            steady = socket.up and self._clock.steady_ns() - since_steady_ns > STEADY_SECONDS * 1e9
            announced = socket.url in self._client.announced
            self._client.announced.discard(socket.url)
            socket.up = False
            self._inbox.put_connection(ConnectionLost(socket=socket.url, reason=reason, announced=announced))
            self._drop(socket, group)
            failures = 0 if steady or announced else failures + 1
            if failures:
                await self._clock.sleep_wall(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1])

    async def _session(self, socket: Socket) -> str:
        """One connection from dial to end; returns or raises the reason why it ended."""
        socket.attempts += 1
        lost = self._client.client(socket.url).future(LOST)
        try:
            for number, part in enumerate(_parts(socket.streams, STREAMS_PER_MESSAGE)):
                if number:
                    await asyncio.sleep(MESSAGE_GAP_SECONDS)
                await _reply(self._subscribe(socket.url, part))
            self._inbox.put_connection(
                ConnectionRestored(socket=socket.url, attempts=socket.attempts, first=not socket.was_up)
            )
            socket.up, socket.was_up, socket.attempts = True, True, 0
            return await self._until_lost(socket, lost)
        finally:
            if lost.done() and not lost.cancelled():
                lost.exception()  # seen; asyncio would complain otherwise
            lost.cancel()

    def _subscribe(self, url: str, streams: Sequence[Stream]) -> Any:
        """Dial if need be and send one SUBSCRIBE; the future is done with the exchange's reply."""
        request_id = self._client.request_id(url)
        request = {"method": "SUBSCRIBE", "params": [stream_name(stream) for stream in streams], "id": request_id}
        hashes = [acknowledgement(request_id)]
        return self._client.watch_multiple(url, hashes, request, hashes, {"id": request_id})

    async def _until_lost(self, socket: Socket, lost: Any) -> str:
        while True:
            await asyncio.wait([lost], timeout=LOOK_SECONDS)
            if lost.done():
                return _reason(lost)
            silent_ns = self._clock.steady_ns() - self._client.heard_steady_ns.get(socket.url, 0)
            if silent_ns > self._silent_ns:
                return f"silent for {silent_ns / 1e9:.1f} s"

    def _drop(self, socket: Socket, group: asyncio.TaskGroup) -> None:
        """Forget ccxt's client, so that the next dial starts afresh, and close it aside: a dead peer takes its time."""
        client = self._client.clients.pop(socket.url, None)
        if client is not None:
            client.error = client.error or NetworkError("dropped")
            group.create_task(_close(client))


async def close_sockets(client: BinanceClient) -> None:
    """Close whatever is open, without waiting long for peers that do not answer."""
    async with asyncio.TaskGroup() as group:
        for url in tuple(client.clients):
            group.create_task(_close(client.clients.pop(url)))


async def _close(client: Any) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    except TimeoutError:
        pass  # the transport is closed by then, only the peer's goodbye is missing


async def _reply(future: Any) -> None:
    """Wait for the exchange's reply. Looks at the future from outside: ccxt may cancel it, which must not cancel us."""
    await asyncio.wait([future], timeout=REPLY_SECONDS)
    if not future.done():
        future.cancel()
        raise UnavailableError(f"no reply to SUBSCRIBE within {REPLY_SECONDS:.0f} s")
    if future.cancelled() or future.exception() is not None:
        raise UnavailableError(_reason(future))


def _reason(future: Any) -> str:
    if future.cancelled():
        return "closed"
    return str(future.exception() or "ended")


def stream_name(stream: Stream) -> str:
    """A stream as Binance names it: ``btcusdt@kline_1h``, ``btcusdt@bookTicker``."""
    pair = exchange_symbol(stream.symbol).lower()
    return f"{pair}@bookTicker" if stream.kind == BOOK else f"{pair}@kline_{stream.kind}"


def _parts(streams: Sequence[Stream], size: int) -> Iterator[Sequence[Stream]]:
    return (streams[start : start + size] for start in range(0, len(streams), size))
