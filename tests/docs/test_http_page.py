"""What the page on HTTP shows is what happens: its lines of curl, and its alerts as TradingView would send them."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import structs

from services.ops.proposals.api import PATH
from services.ops.proposals.body import ALIASES, AMOUNTS, TEXTS
from shared.adapters.local_ports import claimed_port
from shared.adapters.private_files import private_folder, write_private
from shared.config.load import process_environment
from shared.messages.signals import PositionSized
from tests.clients.gate_harness import running_gate
from tests.docs.pages import DOCS, SNIPPETS, text_of
from tests.samples import D, samples

TOKEN = "token-" + "t" * 40
PLACE = "http://127.0.0.1:9090"
HTTP = [each for each in SNIPPETS if each.page == "docs/http.md"]
# As TradingView fills them in.
FILLED = {
    "{{exchange}}": "BINANCE", "{{ticker}}": "ETHUSDT", "{{strategy.order.action}}": "buy",
    "{{strategy.market_position}}": "long", "{{strategy.order.contracts}}": "0.25",
    "{{strategy.order.id}}": "Long Entry", "{{timenow}}": "2026-05-04T10:15:07Z", "{{time}}": "2026-05-04T10:15:00Z",
    "TOKEN": TOKEN,
}  # fmt: skip
SIZED = structs.replace(
    next(each for each in samples() if isinstance(each, PositionSized)),
    symbol="ETH/USDT", quantity=D(2), price=100.0, stop_price=95.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    tokens = private_folder(folder / "tokens")
    write_private(tokens / "tradingview", TOKEN)
    with claimed_port() as port:
        settings = {"HEATSINK_OPS__PORT": str(port), "HEATSINK_OPS__TOKENS": str(tokens)}
        with running_gate(folder, "ops", settings=settings) as gate:
            gate.publish(SIZED)
            yield f"http://127.0.0.1:{port}"


def alerts() -> list[str]:
    found = []
    for snippet in HTTP:
        if snippet.file == "alert.json":
            text = snippet.text
            for placeholder, value in FILLED.items():
                text = text.replace(placeholder, value)
            found.append(text)
    return found


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_of_curl_propose_and_ask(site: str, tmp_path: Path) -> None:
    [snippet] = [each for each in HTTP if each.file == "http"]
    (tmp_path / "heatsink").write_text(f"#!/bin/sh\necho {TOKEN}\n")  # which a test of the verb itself is held to
    (tmp_path / "heatsink").chmod(0o755)
    environment = process_environment()
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    said = [
        json.loads(subprocess.run(["sh", "-c", line], env=environment, check=True, capture_output=True).stdout)
        for line in snippet.text.replace(PLACE, site).splitlines()
    ]
    assert said[0] == said[1]
    assert (said[0]["verdict"], said[0]["quantity_requested"], said[0]["stop_price"]) == ("approve", "5", "96.00")
    shown = json.loads(next(each for each in HTTP if each.file == "answer.json").text)
    assert {*shown} == {*said[0]} - {"ceilings", "shortfall"}


async def sent(url: str, text: str) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Go-http-client/1.1"}
    async with aiohttp.ClientSession() as session, session.post(url + PATH, data=text, headers=headers) as said:
        return said.status, await said.json()


@pytest.mark.processes
def test_the_alerts_of_tradingview_are_orders(site: str) -> None:
    strategy, indicator, leaving = alerts()
    for text, quantity, stop in ((strategy, "0.25", "96"), (indicator, "2", "95")):
        first = asyncio.run(sent(site, text))
        assert asyncio.run(sent(site, text)) == first, "an alert that arrives twice is one order"
        status, said = first
        assert (status, said["verdict"], said["symbol"]) == (200, "approve", "ETH/USDT")
        assert (said["quantity_requested"], D(said["stop_price"]), said["strategy"]) == (
            quantity,
            D(stop),
            "tradingview",
        )
    status, said = asyncio.run(sent(site, leaving))
    assert (status, said["error"]["reason"]) == (422, "size: nothing is held of ETH/USDT")
    short = strategy.replace('"long"', '"flat"').replace("Long Entry", "Cover")
    assert asyncio.run(sent(site, short))[1]["error"]["field"] == "intent"


@pytest.mark.processes
def test_the_refusal_that_is_shown_is_what_is_answered(site: str) -> None:
    shown = json.loads([each for each in HTTP if each.file == "answer.json"][-1].text)
    body = {"token": TOKEN, "id": "hold", "symbol": "ETHUSDT", "side": "hold", "quantity": 1}
    assert asyncio.run(sent(site, json.dumps(body))) == (422, shown)


def test_the_page_names_every_field_and_no_other() -> None:
    table = text_of(DOCS / "http.md").partition("## The fields of an order")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert named == {*TEXTS, *AMOUNTS}
    assert {*ALIASES} <= set(re.findall(r"`([a-z_]+)`", table))
