"""A server and a risk service beside a client, each killed and started again as a test likes."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import redis
from msgspec import structs

from shared.adapters.clocks import RealClock
from shared.adapters.local_ports import claimed_port
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, wait_until_ready
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, PROPOSED
from shared.messages.market import MarkChanged, PairListed
from shared.ports.clock import ClockOrigin
from tests.e2e.processes import until_ready
from tests.keys import MAIN
from tests.patience import patiently
from tests.samples import HOUR, T0, bar
from tests.shipped import bare_environ

ROOT = Path(__file__).parents[2]
DAYS, PRICE = 30, 100.0
NOW_NS = T0 + DAYS * 24 * HOUR + 1_000_000
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
SETTINGS = {
    "HEATSINK_EXCHANGE__KIND": "sim",
    "HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0",
    "HEATSINK_LIMITS__MARK_AGE_SECONDS": "600",
    "HEATSINK_LIMITS__MAX_OPEN_ORDERS": "1000",
    "HEATSINK_LIMITS__ORDERS_PER_SECOND": "1000",
    "HEATSINK_LIMITS__REPEATS_PER_MINUTE": "1000",
    "HEATSINK_LOGS__LEVEL": "warning",
}


class RunningGate:
    """A market that stands still at 100 USDT, on a server of its own. url: the server's."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.valkey = folder, EmbeddedValkey(folder, port)
        self.url, self.port = self.valkey.url, port
        self.server: subprocess.Popen[bytes] | None = None
        self.risk: subprocess.Popen[bytes] | None = None

    def start_server(self) -> None:
        with (self.folder / "valkey.log").open("ab") as log:
            self.server = subprocess.Popen(self.valkey.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        asyncio.run(wait_until_ready(self.url))

    def start_risk(self) -> None:
        """And wait until it decides."""
        with (self.folder / "risk.log").open("ab") as log:
            self.risk = subprocess.Popen(
                (sys.executable, "-m", "services.risk"), cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=bare_environ() | SETTINGS | {"HEATSINK_REDIS__URL": self.url},
            )  # fmt: skip
        asyncio.run(self._until_risk_is_ready())

    def kill_server(self) -> None:
        self.server = killed(self.server)

    def kill_risk(self) -> None:
        self.risk = killed(self.risk)

    async def _until_risk_is_ready(self) -> None:
        async with asyncio.timeout(60), RedisBus.open(self.url, MAIN) as bus:
            while (beat := (await bus.heartbeats()).get("risk")) is None or beat.pid != self.risk_pid:
                await asyncio.sleep(0.05)
            await until_ready(bus, "risk")

    @property
    def risk_pid(self) -> int:
        assert self.risk is not None
        return self.risk.pid

    def publish(self, *messages: Message) -> None:
        asyncio.run(self._publish(messages))

    async def _publish(self, messages: tuple[Message, ...]) -> None:
        async with RedisBus.open(self.url, MAIN) as bus:
            await bus.publish(messages)

    def until_proposed(self, count: int = 1) -> None:
        """Until so many proposals stand on their stream."""
        with redis.Redis.from_url(self.url) as client:
            patiently(lambda: client.xlen(MAIN.of(PROPOSED)) >= count)

    def decisions(self) -> list[Any]:
        """All verdicts and refusals, oldest first."""
        return asyncio.run(self._decisions())

    async def _decisions(self) -> list[Any]:
        async with RedisBus.open(self.url, MAIN) as bus:
            return list(reversed(await bus.latest(MAIN.of(DECIDED), 10_000)))


def killed(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None:
        process.kill()
        process.wait()


@contextmanager
def running_gate(folder: Path) -> Iterator[RunningGate]:
    """With a market and a risk service."""
    with ExitStack() as ends:
        gate = RunningGate(folder, ends.enter_context(claimed_port()))
        ends.callback(gate.kill_server)
        ends.callback(gate.kill_risk)
        gate.start_server()
        asyncio.run(_open_market(gate.url))
        gate.start_risk()
        yield gate


async def _open_market(url: str) -> None:
    async with RedisBus.open(url, MAIN) as bus:
        origin = ClockOrigin(origin_market_ns=NOW_NS, origin_wall_ns=RealClock().wall_ns(), speed=1.0)
        await bus.agree_on_clock(origin)
        await bus.publish([_listed(symbol) for symbol in PAIRS])
        days = [(symbol, day) for day in range(DAYS) for symbol in PAIRS]
        await bus.publish_bars(
            [
                structs.replace(bar(symbol, timeframe="1d", hour=24 * day, close=PRICE), quote_volume=1e9)
                for symbol, day in days
            ]
        )
        await bus.set_marks([MarkChanged(id="m", time_ns=NOW_NS, symbol=symbol, price=PRICE) for symbol in PAIRS])


def _listed(symbol: str) -> PairListed:
    return PairListed(id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading", min_notional=Decimal(5))
