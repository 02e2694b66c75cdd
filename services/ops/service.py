"""Operations: health, status and metrics over HTTP. Reads everything, decides nothing."""

import asyncio

from services import wiring
from services.ops.figures import Figures
from services.ops.http import application
from shared.adapters.http_server import serving
from shared.adapters.http_server.connections import Connections
from shared.runtime.service import Context, Service

TELL_SECONDS = 5.0


async def run(context: Context) -> None:
    figures = Figures(context.bus, context.clock)
    ops = context.settings.ops
    async with serving(application(figures), ops.host, ops.port, names=ops.hosts) as served:
        url = f"http://{served.host}:{served.port}"
        context.health.fact(url=url)
        context.log.info("listening", url=url)
        context.health.ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(figures.follow())
            group.create_task(_tell_of(served.connections, context))


async def _tell_of(connections: Connections, context: Context) -> None:
    """Say how many connections there are, and that somebody tries to take all of them."""
    told = 0
    while True:
        pushed = connections.displaced + connections.refused
        context.health.fact(connections=len(connections), connections_cut=pushed)
        if pushed > told:
            reason = "more connections than there is room for: those that waited longest were cut"
            context.log.warning("connections_cut", count=pushed - told, reason=reason)
        told = pushed
        await asyncio.sleep(TELL_SECONDS)


SERVICE = Service(wiring.OPS, run, wiring.scope_of(wiring.OPS))
