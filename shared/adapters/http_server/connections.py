"""The connections of one HTTP server: who begins requests and never ends them must not keep others out.

So many are open at most, in all and of one peer. Where there is no room for a new one, the one that has waited longest
without a whole request makes room: whoever asks at once is answered, however many others only wait. One whose request
is being worked on is never cut for another; where all are, a new one is refused.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import cast

from aiohttp import web

from shared.adapters.http_server.bounds import Bounds
from shared.adapters.http_server.refusals import SHOWN, refused
from shared.domain.safe_text import safe

LINGER_SECONDS = 1.0  # for the rest of a body that nobody wants


class Connections:
    """Those that are open.

    displaced: how many made room for newer ones.
    refused: how many found no room.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waiting: dict[web.RequestHandler, str] = {}  # with their peer, the one that waits longest first
        self._working: dict[web.RequestHandler, str] = {}
        self._of_peer: Counter[str] = Counter()
        self.displaced = self.refused = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._working)

    def admit(self, visitor: web.RequestHandler, peer: str) -> bool:
        """Take in a new one, if there is room or another one can make some."""
        if not self._has_room(peer):
            self.refused += 1
            return False
        self._waiting[visitor] = peer
        self._of_peer[peer] += 1
        return True

    def _has_room(self, peer: str) -> bool:
        if self._of_peer[peer] >= self._bounds.a_peer:
            return self._displace(peer)
        return len(self) < self._bounds.connections or self._displace(self._greediest())

    def _greediest(self) -> str:
        """The peer of which most wait."""
        return max(Counter(self._waiting.values()).items(), key=lambda item: item[1], default=("", 0))[0]

    def _displace(self, peer: str) -> bool:
        """Cut the one of this peer that has waited longest, if one waits."""
        longest = next((each for each, of in self._waiting.items() if of == peer), None)
        if longest is None:
            return False
        self.displaced += 1
        self.forget(longest)
        if (transport := longest.transport) is not None:
            transport.abort()
        return True

    def forget(self, visitor: web.RequestHandler) -> None:
        """It is gone."""
        peer = self._waiting.pop(visitor, self._working.pop(visitor, None))
        if peer is not None:
            self._of_peer[peer] -= 1
            if not self._of_peer[peer]:
                del self._of_peer[peer]

    @contextmanager
    def working(self, visitor: web.RequestHandler) -> Iterator[None]:
        """While the block lasts its request is worked on; then it waits for the next, behind all others."""
        if visitor in self._waiting:
            self._working[visitor] = self._waiting.pop(visitor)
        try:
            yield
        finally:
            if visitor in self._working:
                self._waiting[visitor] = self._working.pop(visitor)


class Visitor(web.RequestHandler):
    """One connection."""

    def __init__(self, connections: Connections, server: web.Server, bounds: Bounds) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=bounds.header_seconds,
            max_headers=bounds.headers,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        if self._connections.admit(self, str(peer[0]) if peer else ""):
            super().connection_made(transport)
        else:
            cast("asyncio.Transport", transport).abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What is no HTTP gets its answer, and no traceback in the log, which anybody could fill by it."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return super().handle_error(request, status, exc, message)
        return refused(status, safe((message or "this is no HTTP")[:SHOWN]))

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.forget(self)
        super().connection_lost(exc)
