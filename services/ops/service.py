"""Operations: health, status and metrics over HTTP. Reads everything, decides nothing."""

import asyncio

from aiohttp import web

from services import wiring
from services.ops.figures import Figures
from services.ops.http import application
from shared.runtime.service import Context, Service


async def run(context: Context) -> None:
    figures = Figures(context.bus, context.clock)
    runner = web.AppRunner(application(figures), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, context.settings.ops.host, context.settings.ops.port).start()
        host, port = runner.addresses[0][:2]
        context.health.fact(url=f"http://{host}:{port}")
        context.log.info("listening", url=f"http://{host}:{port}")
        context.health.ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(figures.follow())
    finally:
        await runner.cleanup()


SERVICE = Service(wiring.OPS, run, wiring.scope_of(wiring.OPS))
