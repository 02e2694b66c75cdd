"""The HTTP side: ``/healthz`` (is the stack healthy), ``/status`` (JSON), ``/metrics`` (Prometheus); and proposals."""

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from services.ops.figures import Figures
from services.ops.json_answers import json_response
from services.ops.metrics import counted, exposed
from services.ops.proposals.api import ProposalsApi

FIGURES: web.AppKey[Figures] = web.AppKey("figures", Figures)
UNHEALTHY = 503


def application(figures: Figures, proposals: ProposalsApi | None = None) -> web.Application:
    """proposals: None where nobody may propose."""
    app = web.Application()
    app[FIGURES] = figures
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/status", _status)
    app.router.add_get("/metrics", _metrics)
    if proposals is not None:
        proposals.add_routes(app)
    return app


async def _healthz(request: web.Request) -> web.Response:
    """200 while every service lives and every feed is fresh; otherwise 503 with what is wrong."""
    faults = await request.app[FIGURES].faults()
    return json_response({"healthy": not faults, "faults": faults}, status=UNHEALTHY if faults else 200)


async def _status(request: web.Request) -> web.Response:
    figures = request.app[FIGURES]
    state = figures.state
    return json_response(
        {
            "portfolio": state.portfolio,
            "services": await figures.services(),
            "halts": list(state.halts.values()),
            "phase": state.phase,
            "limits": state.limits,
            "lost_feeds": list(state.lost_feeds.values()),
            "counts": {f"{figure}.{label}": count for figure, label, count in counted(figures.counts)},
        }
    )


async def _metrics(request: web.Request) -> web.Response:
    figures = request.app[FIGURES]
    body = exposed(figures, await figures.services())
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
