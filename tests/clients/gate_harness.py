"""A server and a risk service beside a client, each killed and started again as a test likes."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import redis
from msgspec import structs

from services.wiring import key_holders
from shared.adapters.clocks import RealClock
from shared.adapters.local_ports import claimed_port
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, wait_until_ready
from shared.adapters.signing import write_new_keys
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, PROPOSED, Topic
from shared.messages.market import MarkChanged, PairListed
from shared.ports.clock import ClockOrigin
from tests.keys import MAIN
from tests.patience import patiently
from tests.samples import HOUR, T0, bar
from tests.shipped import bare_environ

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
DAYS, PRICE = 30, 100.0
NOW_NS = T0 + DAYS * 24 * HOUR + 1_000_000
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
SETTINGS = {
    "HEATSINK_EXCHANGE__KIND": "sim",
    "HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0",
    "HEATSINK_LIMITS__MARK_AGE_SECONDS": "600",  # its marks are told once
    "HEATSINK_LIMITS__NAV_AGE_SECONDS": "600",
    "HEATSINK_LIMITS__MAX_OPEN_ORDERS": "1000",
    "HEATSINK_LIMITS__ORDERS_PER_SECOND": "1000",
    "HEATSINK_LIMITS__REPEATS_PER_MINUTE": "1000",
    "HEATSINK_LOGS__LEVEL": "warning",
}


CLIENT_EXECUTES = {
    "HEATSINK_EXCHANGE__ORDERS": "client",
    "HEATSINK_EXCHANGE__REPORT_SECONDS": "600",
    "HEATSINK_EXCHANGE__STOP_SECONDS": "600",
    "HEATSINK_PHASE": "live",
}


class RunningGate:
    """A market that stands still at 100 USDT, on a server of its own. url: the server's."""

    def __init__(self, folder: Path, port: int, settings: dict[str, str], shared: dict[str, str] = SETTINGS) -> None:
        self.folder, self.valkey, self.settings = folder, EmbeddedValkey(folder, port), shared | settings
        self.url, self.port = self.valkey.url, port
        self.server: subprocess.Popen[bytes] | None = None
        self.services: dict[str, subprocess.Popen[bytes]] = {}

    def start_server(self) -> None:
        with (self.folder / "valkey.log").open("ab") as log:
            self.server = subprocess.Popen(self.valkey.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        asyncio.run(wait_until_ready(self.url))

    def start(self, service: str) -> None:
        """And wait until it works."""
        environment = bare_environ() | self.settings | {"HEATSINK_REDIS__URL": self.url}
        with (self.folder / f"{service}.log").open("ab") as log:
            self.services[service] = subprocess.Popen(
                (sys.executable, "-m", f"services.{service}"), cwd=ROOT, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env=environment,
            )  # fmt: skip
        asyncio.run(self._until_ready(service))

    def kill_server(self) -> None:
        killed(self.server)

    def kill(self, service: str) -> None:
        killed(self.services.pop(service, None))

    def end(self) -> None:
        for service in [*self.services]:
            self.kill(service)
        self.kill_server()

    async def _until_ready(self, service: str) -> None:
        async with asyncio.timeout(60), RedisBus.open(self.url, MAIN) as bus:
            while True:
                assert self.services[service].poll() is None, (self.folder / f"{service}.log").read_text()[-2000:]
                beat = (await bus.heartbeats()).get(service)
                if beat is not None and beat.pid == self.services[service].pid and beat.state == "ready":
                    return
                await asyncio.sleep(0.05)

    def run_on_bus(self, what: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """What a function brings that is given the bus first."""

        async def run() -> T:
            async with RedisBus.open(self.url, MAIN) as bus:
                return await what(bus, *arguments)

        return asyncio.run(run())

    def publish(self, *messages: Message) -> None:
        self.run_on_bus(lambda bus: bus.publish(messages))

    def until_proposed(self, count: int = 1) -> None:
        """Until so many proposals stand on their streams."""
        patiently(lambda: self.proposed() >= count)

    def signed(self, topic: Topic) -> int:
        """How many entries of a stream have a signature beside the message."""
        with redis.Redis.from_url(self.url) as client:
            return sum(b"s" in fields for _, fields in client.xrange(MAIN.of(topic)))

    def proposed(self) -> int:
        """How many proposals stand on their common stream and in the queues of all clients."""
        with redis.Redis.from_url(self.url) as client:
            queues = [MAIN.of_client(name.decode()) for name in client.hkeys(MAIN.clients)]
            return sum(client.xlen(key) for key in (MAIN.of(PROPOSED), *queues))

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
def running_gate(
    folder: Path, *services: str, settings: dict[str, str] | None = None, signed: bool = False
) -> Iterator[RunningGate]:
    """With a market and a risk service.

    services: more of them. settings: beside the usual ones. signed: whether the services sign what they write.
    """
    given = dict(settings or {})
    if signed:
        write_new_keys(folder / "keys", key_holders())
        given["HEATSINK_SIGNING__KEYS"] = str(folder / "keys")
    with claimed_port() as port:
        gate = RunningGate(folder, port, given)
        try:
            gate.start_server()
            asyncio.run(open_market(gate.url))
            for service in ("risk", *services):
                gate.start(service)
            yield gate
        finally:
            gate.end()


async def open_market(url: str) -> None:
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
