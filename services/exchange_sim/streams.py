"""Stream connections: who listens to what, and how frames get to them."""

import asyncio
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from shared.domain.timeframes import MS_NS, SECOND_NS
from shared.ports.clock import Clock

MOST_STREAMS = 1_024  # a connection
MESSAGES_A_SECOND = 5  # from a client, pings and pongs included
QUEUED_FRAMES = 20_000  # a client that is further behind is cut off
PING_SECONDS = 20.0
PONG_SECONDS = 60.0


class Frame:
    """One message of one stream, serialised once for all who get it."""

    def __init__(self, stream: str, payload: Any) -> None:
        self.stream = stream
        self._payload = payload

    @cached_property
    def raw(self) -> str:
        return msgspec.json.encode(self._payload).decode()

    @cached_property
    def combined(self) -> str:
        return f'{{"stream":"{self.stream}","data":{self.raw}}}'


class Connection:
    """One client.

    combined: whether its frames are wrapped with the stream's name.
    streams: those that it subscribed, in the order in which it did.
    is_half_open: whether it gets nothing more, although its TCP connection stays up.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, combined: bool, clock: Clock) -> None:
        self.combined = combined
        self.streams: dict[str, None] = {}  # in the order of their subscription
        self.is_half_open = False
        self._socket = socket
        self._request = request
        self._clock = clock
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue(QUEUED_FRAMES)
        self._last_pong_steady_ns = self._last_ping_steady_ns = clock.steady_ns()
        self._ping = b""
        self._recent_steady_ns: list[int] = []

    def offer(self, frame: Frame) -> None:
        self._put(frame.combined if self.combined else frame.raw)

    def _put(self, message: str | bytes) -> None:
        if self.is_half_open:
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.drop()

    def keep_alive(self) -> None:
        """Ping when it is time; cut a client that did not answer for long."""
        now_steady_ns = self._clock.steady_ns()
        if self.is_half_open:
            return
        if now_steady_ns - self._last_pong_steady_ns > (PING_SECONDS + PONG_SECONDS) * 1e9:
            self.drop()
        elif now_steady_ns - self._last_ping_steady_ns > PING_SECONDS * 1e9:
            self._last_ping_steady_ns = now_steady_ns
            self._ping = str(self._clock.now_ns() // MS_NS).encode()
            self._put(self._ping)

    def drop(self) -> None:
        """Cut the TCP connection, without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def go_half_open(self) -> None:
        """From now on nothing is sent and nothing answered, while the TCP connection stays up."""
        self.is_half_open = True
        while not self._queue.empty():
            self._queue.get_nowait()

    async def send_queued(self) -> None:
        """Send until the connection is gone. Bytes in the queue are pings."""
        while True:
            message = await self._queue.get()
            try:
                if isinstance(message, bytes):
                    await self._socket.ping(message)
                else:
                    await self._socket.send_str(message)
            except ConnectionError:
                return

    async def read_requests(self) -> None:
        """Answer the client until it leaves."""
        async for message in self._socket:
            if self.is_half_open:
                continue
            if self._is_too_fast():
                await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.PONG and message.data == self._ping:
                self._last_pong_steady_ns = self._clock.steady_ns()
            elif message.type is WSMsgType.TEXT:
                self._put(msgspec.json.encode(self._answer(message.data)).decode())

    def _is_too_fast(self) -> bool:
        now_steady_ns = self._clock.steady_ns()
        self._recent_steady_ns = [one for one in self._recent_steady_ns if now_steady_ns - one < SECOND_NS]
        self._recent_steady_ns.append(now_steady_ns)
        return len(self._recent_steady_ns) > MESSAGES_A_SECOND

    def _answer(self, text: str) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.DecodeError as error:
            return _refusal(3, f"Invalid JSON: {error}", None)
        if request.method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.streams), "id": request.id}
        if request.method in ("GET_PROPERTY", "SET_PROPERTY"):
            return self._property(request)
        if request.method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return _refusal(2, f"Invalid request: unknown variant `{request.method}`", request.id)
        names = [name for name in request.params if isinstance(name, str) and name]
        if not names or len(names) < len(request.params):
            return _refusal(2, "Invalid request: names of streams expected", request.id)
        if request.method == "UNSUBSCRIBE":
            self.streams = {stream: None for stream in self.streams if stream not in names}
        elif len({*self.streams, *names}) > MOST_STREAMS:
            return _refusal(2, f"Invalid request: more than {MOST_STREAMS} streams", request.id)
        else:
            self.subscribe(names)
        return {"result": None, "id": request.id}

    def _property(self, request: "_Request") -> dict[str, Any]:
        """The only property: whether frames are wrapped with the stream's name."""
        match request.method, request.params:
            case "GET_PROPERTY", ["combined"]:
                return {"result": self.combined, "id": request.id}
            case "SET_PROPERTY", ["combined", bool() as combined]:
                self.combined = combined
                return {"result": None, "id": request.id}
        return _refusal(0, "Unknown property", request.id)

    def subscribe(self, streams: Iterable[str]) -> None:
        self.streams |= dict.fromkeys(streams)


class _Request(msgspec.Struct):
    method: str
    params: list[str | bool] = []
    id: int | str | None = None


def _refusal(code: int, message: str, request_id: int | str | None) -> dict[str, Any]:
    return {"error": {"code": code, "msg": message}, "id": request_id}


class Hub:
    """All connections."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.connections: set[Connection] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client from its handshake to its end."""
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request, combined=request.path.startswith("/stream"), clock=self._clock)
        listed = request.match_info.get("stream") or request.query.get("streams", "")
        connection.subscribe(stream for stream in listed.split("/") if stream)
        self.connections.add(connection)
        try:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(connection.send_queued())
                await connection.read_requests()
                sender.cancel()
        finally:
            self.connections.discard(connection)
        return socket

    def listeners(self) -> dict[str, list[Connection]]:
        """Stream name to its connections."""
        found: dict[str, list[Connection]] = {}
        for connection in self.connections:
            for stream in connection.streams:
                found.setdefault(stream, []).append(connection)
        return found

    def send(self, frame: Frame, listeners: dict[str, list[Connection]]) -> None:
        for connection in listeners.get(frame.stream, ()):
            connection.offer(frame)

    def drop_all(self) -> None:
        for connection in list(self.connections):
            connection.drop()
