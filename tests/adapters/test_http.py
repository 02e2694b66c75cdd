"""One GET that answers with JSON, and every way in which it does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from shared.adapters.http import (
    HttpLateError,
    HttpStatusError,
    HttpUnreachableError,
    HttpUnreadableError,
    get_json,
)
from shared.adapters.local_ports import HOST, free_port

pytestmark = pytest.mark.sockets


@asynccontextmanager
async def server(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, free_port())
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()


async def asked(url: str, timeout_seconds: float = 10.0) -> object:
    return await get_json(f"{url}/answer", timeout_seconds=timeout_seconds, proxies=False)


async def test_json_is_read() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path})

    async with server(answer) as url:
        assert await asked(url) == {"path": "/answer"}


async def test_a_refusal_has_its_status_and_reason() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=451)

    async with server(answer) as url:
        with pytest.raises(HttpStatusError) as caught:
            await asked(url)
    assert (caught.value.status, str(caught.value)) == (451, "451 Unavailable For Legal Reasons")


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_what_is_no_json_is_unreadable(kind: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type=kind)

    async with server(answer) as url:
        with pytest.raises(HttpUnreadableError):
            await asked(url)


async def test_nobody_there_is_unreachable_with_a_reason() -> None:
    with pytest.raises(HttpUnreachableError, match=r"."):
        await asked(f"http://{HOST}:{free_port()}")


async def test_who_does_not_answer_in_time_is_late() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with server(answer) as url:
        with pytest.raises(HttpLateError):
            await asked(url, timeout_seconds=0.05)
