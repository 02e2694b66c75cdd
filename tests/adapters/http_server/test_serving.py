"""An HTTP server of ours on real sockets: strangers, half requests, floods of them, giants."""

import asyncio
import json
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from shared.adapters.http_server import Served, serving
from shared.adapters.http_server.bounds import Bounds
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.sockets

FLOOD = 3_000
HALVES = (
    b"", b"G", b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf",
)  # fmt: skip


@asynccontextmanager
async def served(bounds: Bounds = Bounds(), **options: Any) -> AsyncIterator[tuple[Served, Counter[str]]]:
    """A server with one route, and how often it was reached, by method."""
    reached = Counter[str]()

    async def handler(request: web.Request) -> web.Response:
        reached[request.method] += 1
        return web.json_response({"body": len(await request.read())})

    application = web.Application()
    application.router.add_route("*", "/", handler)
    async with serving(application, "127.0.0.1", 0, bounds=bounds, end_seconds=1.0, **options) as server:
        yield server, reached


async def ask(server: Served, *lines: str, body: bytes = b"", first: str = "GET / HTTP/1.1") -> tuple[int, Any]:
    """Status and JSON of a request with these headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write("\r\n".join([first, *lines, "Connection: close", "", ""]).encode() + body)
        async with asyncio.timeout(PATIENCE_SECONDS):
            head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(rest) if rest and b"application/json" in head else rest
    finally:
        writer.close()


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FLOOD + 2 * Bounds().connections + 256
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine gives a process {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_stranger_reaches_no_route_not_even_one_that_is_not_there() -> None:
    async with served(names=("ops",)) as (server, reached):
        for path in ("/", "/nowhere"):
            for headers in (("Host: evil.example",), ("Host: localhost", "Origin: http://evil.example"), ()):
                for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
                    status, _ = await ask(server, *headers, first=f"{method} {path} HTTP/1.1")
                    assert status in (400, 403, 421), (headers, method)
        assert not reached
        status, told = await ask(server, "Host: evil.example")
        assert (status, told["error"].split(";")[0]) == (421, "'evil.example' is no name of this server")
        for host in ("localhost", f"127.0.0.1:{server.port}", "ops", "OPS:9090"):
            assert await ask(server, f"Host: {host}") == (200, {"body": 0})
        assert reached == {"GET": 4}


async def test_a_half_request_is_ended_when_its_time_is_over() -> None:
    ended = 0
    async with served(Bounds(header_seconds=0.2, body_seconds=0.2)) as (server, reached):
        for half in HALVES:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(half)
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await reader.read()
            assert (b" 408 " in answer) == half.endswith(b"half"), answer
            writer.close()
            ended += 1
        assert not reached
        assert len(server.connections) == 0
    assert ended == len(HALVES)


async def test_headers_that_drip_do_not_move_the_end() -> None:
    async with served(Bounds(header_seconds=0.3)) as (server, reached):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        dripped = 0
        with suppress(ConnectionError):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            while not reader.at_eof() and dripped < 1_000:
                writer.write(b"X: y\r\n")
                await writer.drain()
                dripped += 1
                await asyncio.sleep(0.02)
        writer.transport.abort()
        assert 0 < dripped < 63
        assert not reached


async def test_thousands_of_half_requests_keep_nobody_out(many_files: None) -> None:
    async with served() as (server, reached):
        writers = []
        for number in range(FLOOD):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(HALVES[number % len(HALVES)])
            writers.append(writer)
            if number % 500 == 499:
                assert await ask(server, "Host: localhost") == (200, {"body": 0})
        assert len(server.connections) <= Bounds().a_peer
        assert server.connections.displaced >= FLOOD - Bounds().a_peer
        assert server.connections.refused == 0
        assert reached == {"GET": FLOOD // 500}
        for writer in writers:
            writer.transport.abort()


async def test_whoever_is_being_answered_is_answered_whatever_comes_meanwhile(many_files: None) -> None:
    going_on, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        asked.set()
        await going_on.wait()
        return web.json_response("done")

    application = web.Application()
    application.router.add_get("/", slow)
    async with serving(application, "127.0.0.1", 0, bounds=Bounds(connections=8, a_peer=4)) as server:
        waiting = asyncio.ensure_future(ask(server, "Host: localhost"))
        await asked.wait()
        flood = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(50)]
        while server.connections.displaced < 40:
            await asyncio.sleep(0.01)
        going_on.set()
        assert await waiting == (200, "done")
        for _, writer in flood:
            writer.transport.abort()


async def test_whoever_asks_and_never_reads_makes_room_as_well() -> None:
    async def long(_: web.Request) -> web.Response:
        return web.Response(body=bytes(8_000_000))

    application = web.Application()
    application.router.add_get("/", long)
    async with serving(application, "127.0.0.1", 0, bounds=Bounds(connections=8, a_peer=4)) as server:
        deaf = []
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            deaf.append(writer)
        status, body = await ask(server, "Host: localhost")
        assert (status, len(body)) == (200, 8_000_000)
        assert server.connections.displaced >= 16
        for writer in deaf:
            writer.transport.abort()


async def test_a_body_is_bounded_by_what_it_says_and_refused_where_it_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    most = Bounds().body_bytes
    async with served() as (server, reached):
        post = "POST / HTTP/1.1"
        body = bytes(most)
        said = await ask(server, "Host: localhost", f"Content-Length: {most}", first=post, body=body)
        assert said == (200, {"body": most})
        for headers, status in (
            ((f"Content-Length: {most + 1}",), 413),
            (("Content-Length: 1000000000000",), 413),
            (("Transfer-Encoding: chunked",), 411),
            (("Content-Length: 4", "Content-Encoding: gzip"), 415),
            (("Content-Length: -1",), 400),
            (("Content-Length: x",), 400),
            (tuple(f"X-{number}: y" for number in range(Bounds().headers + 1)), 400),
            ((f"X: {'y' * 9_000}",), 400),
        ):
            sent = b"4\r\nbody\r\n0\r\n\r\n" if status == 411 else b"body"
            found, _ = await ask(server, "Host: localhost", *headers, first=post, body=sent)
            assert found == status, headers
        found, _ = await ask(server, "Host: localhost", first=f"GET /?{'y' * 9_000} HTTP/1.1")
        assert found == 400
        assert reached == {"POST": 1}
    assert not caplog.records  # a line for each would let anybody fill the log
