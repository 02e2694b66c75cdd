"""What ``up`` and ``doctor`` say of an exchange, and of one that is not there: host, reason, remedy."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from shared.adapters.local_ports import HOST, free_port
from shared.application.exchange_reach import Exchange, ExchangeAwayError

pytestmark = pytest.mark.sockets


@asynccontextmanager
async def server(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, free_port())
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()


async def test_time_and_statuses_are_read() -> None:
    def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": 1_667_260_800_000})
        rows = [{"baseAsset": "BTC", "quoteAsset": "USDT", "status": "TRADING"}]
        return web.json_response({"symbols": rows})

    async with server(answer) as url:
        assert await Exchange(url).server_time_ns() == 1_667_260_800_000_000_000
        assert await Exchange(url).statuses() == {"BTC/USDT": "TRADING"}


async def test_a_host_that_is_not_there_is_named_with_a_remedy() -> None:
    port = free_port()
    with pytest.raises(ExchangeAwayError, match=rf"127\.0\.0\.1:{port} can't be reached \(.*\): check the network"):
        await Exchange(f"http://{HOST}:{port}").server_time_ns()


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(403, "firewall"), (418, "too many requests"), (429, "too many requests"), (451, "country"), (503, "in a minute")],
)
async def test_an_answer_that_refuses_is_explained(status: int, remedy: str) -> None:
    async with server(lambda _: web.Response(status=status)) as url:
        with pytest.raises(ExchangeAwayError, match=rf"answered {status} .*{remedy}"):
            await Exchange(url).server_time_ns()


async def test_an_answer_that_is_no_json_counts_as_out_of_reach() -> None:
    async with server(lambda _: web.Response(text="<html>", content_type="text/html")) as url:
        with pytest.raises(ExchangeAwayError, match="can't be reached"):
            await Exchange(url).server_time_ns()
