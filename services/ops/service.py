"""Operations: health, status and metrics over HTTP, and proposals of who speaks nothing else. Decides nothing."""

import asyncio

from aiohttp import web

from services import wiring
from services.ops.figures import Figures
from services.ops.http import application
from services.ops.proposals.api import ProposalsApi
from services.ops.proposals.market import MarketOfTheMoment
from services.ops.proposals.order import Orders
from services.ops.proposals.throttle import Throttle
from shared.application.proposing import Verdicts
from shared.config.tokens import Tokens
from shared.runtime.service import Context, Service


async def run(context: Context) -> None:
    figures, verdicts = Figures(context.bus, context.clock), Verdicts(context.bus)
    await verdicts.begin()
    runner = web.AppRunner(application(figures, _proposals(context, verdicts)), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, context.settings.ops.host, context.settings.ops.port).start()
        host, port = runner.addresses[0][:2]
        context.health.fact(url=f"http://{host}:{port}")
        context.log.info("listening", url=f"http://{host}:{port}")
        context.health.ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(figures.follow())
            group.create_task(verdicts.follow())
    finally:
        await runner.cleanup()


def _proposals(context: Context, verdicts: Verdicts) -> ProposalsApi | None:
    ops = context.settings.ops
    if not ops.tokens:
        return None
    tokens = Tokens(ops.tokens)
    for fault in tokens.faults:
        context.log.error("token_refused", reason=str(fault))
    return ProposalsApi(
        tokens=tokens,
        verdicts=verdicts,
        orders=Orders(context.settings, context.clock, MarketOfTheMoment(context.bus)),
        throttle=Throttle(ops.proposals_per_minute, context.clock.steady_ns),
        seconds=ops.verdict_seconds,
        log=context.log,
    )


SERVICE = Service(wiring.OPS, run, wiring.scope_of(wiring.OPS))
