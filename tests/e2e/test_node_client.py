"""The bare wire in another language, Node's ``redis`` and ``@msgpack/msgpack``, beside real sizing and risk processes.

Bare XADD and PUBLISH of proposals are open where a server has no users, and to its owner; clients have a function.
"""

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from services.cli.up.server_users import USERS_DIR, prepare_users, register_clients
from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.config.credentials import OWNER, address_of, known_users
from shared.config.model import RedisSettings
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, DECIDED, PROPOSED, SIZES
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import OrderDecided
from shared.ports.clock import ClockOrigin
from tests.e2e.processes import service, until_heard, until_ready
from tests.keys import MAIN
from tests.samples import HOUR, T0, bar

pytestmark = pytest.mark.processes

SOURCE = Path(__file__).parents[1] / "node_client"
INSTALL_SECONDS, NODE_SECONDS, RUN_SECONDS = 120, 120, 120
MARK_SECONDS = 0.25
PRICES = {"BTC/USDT": 20_000.0, "ETH/USDT": 1_500.0}
DAYS = 70
NOW_NS = T0 + DAYS * 24 * HOUR + HOUR + 1_000_000  # one hour and a millisecond after the last daily bar
PROPOSED_KEY, DECIDED_KEY, SIZES_KEY = (MAIN.of(topic) for topic in (PROPOSED, DECIDED, SIZES))
KINDS_REFUSED = 11
NO_BOOKS = {"HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0"}  # nobody samples any here


@pytest.fixture(scope="session")
def node_client(request: pytest.FixtureRequest) -> Path:
    """The folder of the client, its packages installed: in place if somebody did that, else in pytest's cache."""
    return installed(SOURCE, request)


def installed(source: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a Node package with what it depends on; the test is skipped where that cannot be had."""
    if (node := shutil.which("node")) is None or (npm := shutil.which("npm")) is None:
        pytest.skip("no Node on this machine (node and npm, 20 or newer)")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"Node {version} is too old for the client: it needs 20 or newer")
    if (source / "node_modules").is_dir():
        return source
    locked = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = request.config.cache.mkdir(f"node_client-{locked}")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers that install into one folder at once destroy each other's packages
        for path in source.iterdir():
            if path.is_file():
                shutil.copy(path, folder)
        if not (folder / "node_modules" / ".package-lock.json").is_file():  # npm writes it when all is there
            _install(npm, folder)
    return folder


def _install(npm: str, folder: Path) -> None:
    command = [npm, "ci", "--prefer-offline", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install the client's packages within {INSTALL_SECONDS} s")
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "npm error" in line), "it gave no reason")
        pytest.skip(f"npm could not install the client's packages: {reason}")


class Stack:
    """A small market on an embedded Valkey, with the real sizing and risk services as processes of their own.

    Each of them signs in by its own name. url: the address of a client. bus: the owner's.
    """

    def __init__(self, url: str, bus: RedisBus, clock: ScaledClock) -> None:
        self.url, self.bus, self.clock = url, bus, clock

    async def decisions(self) -> dict[str, OrderDecided]:
        found = await self.bus.latest(DECIDED_KEY, 1000)
        return {message.order_id: message for message in found if isinstance(message, OrderDecided)}

    async def close_an_hour_when_heard(self) -> None:
        """Once somebody listens to sizes, publish the bars of the hour that just ended: sizing sizes each pair."""
        await until_heard(self.bus, SIZES_KEY)
        await self.bus.publish_bars([bar(symbol, hour=DAYS * 24, close=price) for symbol, price in PRICES.items()])


@asynccontextmanager
async def running_stack(folder: Path) -> AsyncIterator[Stack]:
    acl, users = prepare_users(folder, MAIN.portfolio), folder / USERS_DIR
    with running_valkey(folder, acl_file=acl) as server:
        redis = RedisSettings(url=server.url, users=str(users))
        own = {"HEATSINK_REDIS__USERS": str(users)}
        async with RedisBus.open(address_of(redis, OWNER), MAIN) as bus:
            await bus.named_identity()
            await register_clients(bus, known_users(users))
            origin = ClockOrigin(origin_market_ns=NOW_NS, origin_wall_ns=RealClock().wall_ns(), speed=1.0)
            clock = ScaledClock(await bus.agree_on_clock(origin))
            await bus.publish(_listings())
            await bus.publish_bars(
                [
                    structs.replace(bar(symbol, timeframe="1d", hour=24 * day, close=price), quote_volume=1e9)
                    for symbol, price in PRICES.items()
                    for day in range(DAYS)
                ]
            )
            async with asyncio.TaskGroup() as group:
                marks = group.create_task(_keep_marks_fresh(bus, clock))
                async with (
                    service("sizing", server.url, folder, own),
                    service("risk", server.url, folder, NO_BOOKS | own),
                ):
                    async with asyncio.timeout(RUN_SECONDS):
                        await until_ready(bus, "sizing", "risk")
                    yield Stack(address_of(redis, OWNER), bus, clock)
                marks.cancel()


def _listings() -> list[Message]:
    return [
        PairListed(
            id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading",
            quantity_step=Decimal("0.00001"), min_quantity=Decimal("0.00001"), min_notional=Decimal(5),
        )
        for symbol in PRICES
    ]  # fmt: skip


async def _keep_marks_fresh(bus: RedisBus, clock: ScaledClock) -> None:
    while True:
        now_ns = clock.now_ns()
        await bus.set_marks(
            [
                MarkChanged(id=f"mark-{now_ns}", time_ns=now_ns, symbol=symbol, price=price)
                for symbol, price in PRICES.items()
            ]
        )
        await asyncio.sleep(MARK_SECONDS)


async def _run_node(stack: Stack, program: Path) -> list[str]:
    """What the program printed by its end, which must be a good one. Sizes come once it listens."""
    process = await asyncio.create_subprocess_exec(
        "node", program.name, stack.url, str(NODE_SECONDS), cwd=program.parent, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(RUN_SECONDS), asyncio.TaskGroup() as group:
            output = group.create_task(process.communicate())
            group.create_task(stack.close_an_hour_when_heard())
        printed, complaint = output.result()
        assert process.returncode == 0, (printed + complaint).decode()
        return printed.decode().splitlines()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_node_client_sees_sizes_and_gets_its_verdicts_whatever_else_it_sends(
    node_client: Path, tmp_path: Path
) -> None:
    async with running_stack(tmp_path) as stack:
        said = [json.loads(line) for line in await _run_node(stack, node_client / "client.mjs")]
        decided = await stack.decisions()
        dead = [message for message in await stack.bus.latest(DEAD.key, 100) if isinstance(message, MessageRefused)]

    [size] = _events(said, "size")
    assert (size["type"], size["symbol"], size["timeframe"]) == ("PositionSized", "BTC/USDT", "1h")
    assert Decimal(size["quantity"]) > 0

    verdicts = {row["order_id"]: row for row in _events(said, "verdict")}
    assert list(verdicts) == ["node-by-publish", "node-by-xadd", "node-after-publish", "node-after-xadd"]
    assert {row["verdict"] for row in verdicts.values()} == {"approve"}
    for order_id, row in verdicts.items():
        stored = decided[order_id]
        assert (row["id"], row["trace"], row["time_ns"]) == (stored.id, size["trace"], str(stored.time_ns))
        assert Decimal(row["quantity_approved"]) == stored.quantity_approved == Decimal("0.01")
        assert row["heat_after"] == stored.heat_after > stored.heat_before
    assert set(decided) == set(verdicts), "only what was an order was decided"

    [sent] = _events(said, "sent_malformed")
    refused = _events(said, "refused")
    assert len(sent["kinds"]) == KINDS_REFUSED
    assert [row["by"] for row in refused].count("publish") == KINDS_REFUSED
    assert [row["by"] for row in refused].count("xadd") == KINDS_REFUSED + 1  # and the entry without a field `m`
    assert {row["source"] for row in refused} == {PROPOSED_KEY}
    assert len(dead) == len(refused)
    assert {message.consumer for message in dead} == {"risk"}
    assert all(message.reason and message.field for message in dead)


def _events(said: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [row for row in said if row["event"] == event]
