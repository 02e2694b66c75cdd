"""The programs and redis-cli lines that the pages show can be run, beside real sizing and risk processes."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import DECIDED, PORTFOLIO, PROPOSED, SIZES
from shared.messages.orders import OrderDecided, OrderProposed
from tests.docs.command_line import words_of
from tests.docs.pages import program, snippets
from tests.e2e.test_node_client import DAYS, PRICES, Stack, _run_node, node_client, running_stack
from tests.keys import MAIN
from tests.samples import bar

__all__ = ["node_client"]  # a fixture

RUN_SECONDS, ANSWER_SECONDS, POLL_SECONDS = 120, 60, 0.05
PORTFOLIO_KEY, SIZES_KEY, DECIDED_KEY = (MAIN.of(topic) for topic in (PORTFOLIO, SIZES, DECIDED))


def redis_commands() -> list[list[str]]:
    """The arguments of every redis-cli line, without the address."""
    lines = [words_of(line) for snippet in snippets("sh") for line in snippet.commands]
    return [words[3:] for words in lines if words[:2] == ["redis-cli", "-u"]]


def saved(file: str, source: str, folder: Path) -> Path:
    path = folder / file
    path.write_text(source, encoding="utf-8")
    return path


async def sized(stack: Stack) -> None:
    """Close an hour, and wait until its sizes stand in their stream. Without a NAV there would be none to wait for."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while not await stack.bus.client.xlen(PORTFOLIO_KEY):
            await asyncio.sleep(POLL_SECONDS)
    await stack.bus.publish_bars([bar(symbol, hour=DAYS * 24, close=price) for symbol, price in PRICES.items()])
    async with asyncio.timeout(ANSWER_SECONDS):
        while await stack.bus.client.xlen(SIZES_KEY) < len(PRICES):
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def running(path: Path, *arguments: str) -> AsyncIterator[Process]:
    """A Python program, ended with the block if it does not end before."""
    command = (sys.executable, "-u", str(path), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(RUN_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def propose(stack: Stack, name: str) -> None:
    """Propose a small order, and wait for its verdict."""
    order = OrderProposed(
        id=name, time_ns=0, symbol="ETH/USDT", side="buy", quantity=Decimal("0.01"), stop_price=Decimal(1000)
    )
    await stack.bus.client.xadd(MAIN.of(PROPOSED), {"m": encode(order)})
    async with asyncio.timeout(ANSWER_SECONDS):
        while name not in await stack.decisions():
            await asyncio.sleep(POLL_SECONDS)


async def printed_by(path: Path, url: str) -> list[str]:
    """All that a program prints until its end."""
    async with running(path, url) as process:
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode().splitlines()


async def first_lines_of(path: Path, *arguments: str, count: int) -> list[str]:
    """The first lines that a program prints which goes on for ever."""
    async with running(path, *arguments) as process:
        assert process.stdout is not None
        return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def answer(client: Any, command: list[str]) -> Any:
    """What the server says; asked again for a while, for a verdict may not be there at once."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while (said := await client.execute_command(*command)) is None:
            await asyncio.sleep(POLL_SECONDS)
        return said


@pytest.mark.processes
async def test_the_program_of_the_readme_proposes_an_order_and_prints_its_verdict(tmp_path: Path) -> None:
    path = saved("propose.py", program("propose.py"), tmp_path)
    async with running_stack(tmp_path) as stack:
        await sized(stack)
        first = await printed_by(path, stack.url)
        again = await printed_by(path, stack.url)  # one id, one verdict: the stored one comes again
        [decided] = (await stack.decisions()).values()
    assert first == again
    assert (decided.verdict, decided.reason) == ("approve", "")
    assert decided.symbol == "ETH/USDT"
    assert decided.strategy == "mine"
    assert first[0].startswith(f"a full position is {decided.quantity_requested} ETH with a stop at ")
    assert first[1].startswith(f"{decided.verdict} {decided.quantity_approved} ETH/USDT")
    assert first[2].startswith("heat 0.00% -> 0.")


@pytest.mark.processes
async def test_the_program_that_follows_verdicts_prints_every_ceiling_and_goes_on_from_an_entry(tmp_path: Path) -> None:
    path = saved("verdicts.py", program("verdicts.py"), tmp_path)
    async with running_stack(tmp_path) as stack:
        await sized(stack)
        for name in ("first", "second"):
            await propose(stack, name)
        [(first_entry, _), (second_entry, _)] = await stack.bus.client.xrange(DECIDED_KEY)
        [ceilings, _] = [decided.ceilings for decided in (await stack.decisions()).values()]
        all_lines = await first_lines_of(path, stack.url, count=2 * (len(ceilings) + 2))
        rest = await first_lines_of(path, stack.url, first_entry.decode(), count=len(ceilings) + 2)
    assert all_lines[0].startswith(f"{first_entry.decode()} approve 0.01 ETH/USDT")
    assert [line.split()[0] for line in all_lines[2 : len(ceilings) + 2]] == [ceiling.rule for ceiling in ceilings]
    assert rest[0].startswith(second_entry.decode())
    assert rest == all_lines[len(ceilings) + 2 :]


@pytest.mark.processes
async def test_the_program_that_asks_for_room_prints_how_much_could_be_bought(tmp_path: Path) -> None:
    path = saved("room.py", program("room.py"), tmp_path)
    async with running_stack(tmp_path) as stack:
        await sized(stack)
        [line] = await printed_by(path, stack.url)
        assert await stack.decisions() == {}
    words = line.split()
    assert words[:2] == ["could", "buy"]
    assert Decimal(words[2]) > 0
    assert words[3] == "ETH/USDT"


@pytest.mark.processes
async def test_the_node_program_takes_a_size_and_prints_its_verdict(node_client: Path, tmp_path: Path) -> None:
    path = saved("propose.mjs", program("propose.mjs"), tmp_path)
    (tmp_path / "node_modules").symlink_to(node_client / "node_modules")
    async with running_stack(tmp_path) as stack:
        [line] = await _run_node(stack, path)
        [decided] = (await stack.decisions()).values()
    assert (decided.strategy, decided.verdict) == ("mine", "approve")
    assert line.split()[:3] == [decided.verdict, str(decided.quantity_approved), decided.symbol]


@pytest.mark.processes
async def test_the_redis_cli_lines_look_and_propose_with_nothing_but_the_server(tmp_path: Path) -> None:
    """Through a Redis client, word by word, so that it needs no redis-cli on this machine."""
    commands = redis_commands()
    *others, subscribe = commands
    assert subscribe == ["SUBSCRIBE", DECIDED_KEY]
    async with (
        running_stack(tmp_path) as stack,
        RedisBus.connect(stack.url, MAIN) as client,
        client.listen(subscribe[1]) as live,
    ):
        await sized(stack)
        said = [await answer(client.client, command) for command in others]
        heard = await live.next(ANSWER_SECONDS)
        [decided] = await stack.bus.latest(DECIDED_KEY, 10)
    messages = [json.loads(text) for text in said if isinstance(text, bytes) and text.startswith(b"{")]
    assert [message["type"] for message in messages] == ["MarkChanged", "PortfolioMarked", "OrderDecided"]
    assert messages[0]["symbol"] == "BTC/USDT"
    assert heard is not None
    assert isinstance(decided, OrderDecided)
    assert (decided.order_id, decided.verdict) == ("by-hand-1", "approve")
    assert messages[2]["order_id"] == decided.order_id
