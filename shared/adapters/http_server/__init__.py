"""Every HTTP server of ours: one way to begin it, with a guard before every route and bounds on its connections.

    async with serving(application, "127.0.0.1", 9090, names=("ops",)) as served: ...

``guard.py`` says who may ask, ``connections.py`` how many may wait with half a request.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from shared.adapters.http_server.bounds import Bounds
from shared.adapters.http_server.connections import Connections, Visitor
from shared.adapters.http_server.guard import guard

WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - they are looked for


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens.

    host, port: where.
    connections: those that are open, with what became of others.
    """

    host: str
    port: int
    connections: Connections


@asynccontextmanager
async def serving(
    application: web.Application,
    host: str,
    port: int,
    *,
    names: Collection[str] = (),
    bounds: Bounds = Bounds(),
    end_seconds: float = 60.0,
) -> AsyncIterator[Served]:
    """Serve while the block lasts.

    names: by which this server may be called, beside those of the loopback and its own ``host``.
    end_seconds: how long requests are waited for at the end.
    """
    connections = Connections(bounds)
    own = names if host in WILDCARDS else (*names, host)
    application.middlewares.insert(0, guard(own, connections, bounds))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=end_seconds)
    await runner.setup()
    assert runner.server is not None
    make = partial(Visitor, connections, runner.server, bounds)
    try:
        server = await asyncio.get_running_loop().create_server(make, host, port, backlog=bounds.backlog)
        try:
            bound_host, bound_port = server.sockets[0].getsockname()[:2]
            yield Served(bound_host, bound_port, connections)
        finally:
            server.close()
    finally:
        await runner.cleanup()
