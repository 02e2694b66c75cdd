"""Operations: health, status and metrics over HTTP, and proposals of who speaks nothing else. Decides nothing."""

import asyncio

from services import wiring
from services.ops.figures import Figures
from services.ops.http import application
from services.ops.proposals.api import ProposalsApi
from services.ops.proposals.market import MarketOfTheMoment
from services.ops.proposals.order import Orders
from services.ops.proposals.throttle import Throttle
from shared.adapters.http_server import serving
from shared.adapters.http_server.connections import Connections
from shared.application.proposing import Verdicts
from shared.config.tokens import Tokens
from shared.runtime.service import Context, Service

TELL_SECONDS = 5.0


async def run(context: Context) -> None:
    figures, verdicts = Figures(context.bus, context.clock), Verdicts(context.bus)
    await verdicts.begin()
    ops = context.settings.ops
    site = application(figures, _proposals(context, verdicts))
    async with serving(site, ops.host, ops.port, names=ops.hosts) as served:
        url = f"http://{served.host}:{served.port}"
        context.health.fact(url=url)
        context.log.info("listening", url=url)
        context.health.ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(figures.follow())
            group.create_task(verdicts.follow())
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
        signed=context.settings.plan.signed_clients,
        unkeyed=context.bus.signatures.clients.missing,
    )


SERVICE = Service(wiring.OPS, run, wiring.scope_of(wiring.OPS))
