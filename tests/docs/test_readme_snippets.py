"""What the README prints can be run: its Python, Node and redis-cli snippets, beside real sizing and risk processes."""

import asyncio
import json
import re
import shlex
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from shared.messages.catalogue import DECIDED, SIZES
from shared.messages.orders import OrderDecided
from tests.e2e.test_node_client import DAYS, PRICES, Stack, _run_node, node_client, running_stack
from tests.keys import MAIN
from tests.samples import bar

__all__ = ["node_client"]  # a fixture

README = Path(__file__).parents[2] / "README.md"
RUN_SECONDS, ANSWER_SECONDS, POLL_SECONDS = 120, 60, 0.05
SIZES_KEY, DECIDED_KEY = MAIN.of(SIZES), MAIN.of(DECIDED)


def snippets(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def redis_commands() -> list[list[str]]:
    """The arguments of every redis-cli line, without the port."""
    lines = [shlex.split(line) for block in snippets("sh") for line in block.replace("\\\n", "").splitlines()]
    return [words[3:] for words in lines if words[:3] == ["redis-cli", "-p", "6390"]]


async def sized(stack: Stack) -> None:
    """Close an hour, and wait until its sizes stand in their stream."""
    await stack.bus.publish_bars([bar(symbol, hour=DAYS * 24, close=price) for symbol, price in PRICES.items()])
    async with asyncio.timeout(ANSWER_SECONDS):
        while await stack.bus.client.xlen(SIZES_KEY) < len(PRICES):
            await asyncio.sleep(POLL_SECONDS)


async def printed_by(program: Path, url: str) -> list[str]:
    process = await asyncio.create_subprocess_exec(sys.executable, str(program), url, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(RUN_SECONDS):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    return output.decode().splitlines()


async def answer(stack: Stack, command: list[str]) -> Any:
    """What the server says; asked again for a while, for a verdict may not be there at once."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            try:
                if (said := await stack.bus.client.execute_command(*command)) is not None:
                    return said
            except ResponseError as error:
                if "nil" not in str(error):
                    raise
            await asyncio.sleep(POLL_SECONDS)


@pytest.mark.processes
async def test_the_python_snippet_proposes_an_order_and_prints_its_verdict(tmp_path: Path) -> None:
    [source] = snippets("python")
    program = tmp_path / "propose.py"
    program.write_text(source, encoding="utf-8")
    async with running_stack(tmp_path) as stack:
        await sized(stack)
        first = await printed_by(program, stack.url)
        again = await printed_by(program, stack.url)  # one id, one verdict: the stored one comes again
        [decided] = (await stack.decisions()).values()
    assert first == again
    assert decided.verdict == "approve"
    assert decided.symbol == "ETH/USDT"
    assert decided.strategy == "mine"
    assert first[0].startswith(f"a full position is {decided.quantity_requested} ETH with a stop at ")
    assert first[1].startswith(f"{decided.verdict} {decided.quantity_approved} ETH/USDT")
    assert [line.split()[0] for line in first[3:]] == [ceiling.rule for ceiling in decided.ceilings]


@pytest.mark.processes
async def test_the_node_snippet_takes_a_size_and_prints_its_verdict(node_client: Path, tmp_path: Path) -> None:
    [source] = snippets("js")
    program = tmp_path / "propose.mjs"
    program.write_text(source, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(node_client / "node_modules")
    async with running_stack(tmp_path) as stack:
        [line] = await _run_node(stack, program)
        [decided] = (await stack.decisions()).values()
    assert (decided.strategy, decided.verdict) == ("mine", "approve")
    assert line.split()[:3] == [decided.verdict, str(decided.quantity_approved), decided.symbol]


@pytest.mark.processes
async def test_the_redis_cli_snippet_looks_and_proposes_with_nothing_but_the_server(tmp_path: Path) -> None:
    """Through a Redis client, word by word, so that it needs no redis-cli on this machine."""
    commands = redis_commands()
    *others, subscribe = commands
    assert subscribe == ["SUBSCRIBE", DECIDED_KEY]
    async with running_stack(tmp_path) as stack, stack.bus.listen(subscribe[1]) as live:
        await sized(stack)
        said = [await answer(stack, command) for command in others]
        heard = await live.next(ANSWER_SECONDS)
        [decided] = await stack.bus.latest(DECIDED_KEY, 10)
    messages = [json.loads(text) for text in said if isinstance(text, bytes) and text.startswith(b"{")]
    assert [message["type"] for message in messages] == ["MarkChanged", "PortfolioMarked", "OrderDecided"]
    assert messages[0]["symbol"] == "BTC/USDT"
    assert heard is not None
    assert isinstance(decided, OrderDecided)
    assert (decided.order_id, decided.verdict) == ("by-hand-1", "approve")
    assert messages[2]["order_id"] == decided.order_id
