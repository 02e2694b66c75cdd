"""A whole heatsink beside an exchange that outlives it, for bots of others: each part is killed and started at will.

Bots that know no market time run on the market's clock (``market_clock.c``): theirs is as many times as fast. The
exchange is the shipped simulator. It needs no server, so that heatsink can be killed whole, its server with it.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.clocks import RealClock
from shared.adapters.local_ports import claimed_port
from shared.adapters.redis.bus import RedisBus
from shared.domain.timeframes import iso_ns
from shared.messages.catalogue import Topic
from shared.ports.clock import ClockOrigin
from tests.clients.gate_harness import ROOT, RunningGate, killed
from tests.keys import MAIN
from tests.patience import patiently
from tests.shipped import SHIPPED, bare_environ

SERVICES = ("market_data", "sizing", "risk", "execution")
BEGINS = "2026-05-04"
UNIVERSE = """quote = "USDT"
[sectors]
Majors = ["BTC", "ETH", "BNB"]
"Layer 1" = ["SOL", "XRP", "ADA", "LTC"]
Meme = ["DOGE"]
"""
STRATEGIES = """[[strategies]]
name = "freqtrade"
kind = "external"
timeframe = "15m"
weight = 1.0
"""
BOTS = ROOT / ".venv-bots" / "bin"


class BotStack(RunningGate):
    """origin: of the market's clock. exchange_url: where the exchange answers, whatever becomes of heatsink."""

    def __init__(self, folder: Path, port: int, exchange_port: int, speed: float) -> None:
        config = folder / "config"
        shutil.copytree(SHIPPED, config)
        (config / "universe.toml").write_text(UNIVERSE, "utf-8")
        (config / "strategies.toml").write_text(STRATEGIES, "utf-8")
        self.exchange_port, self.exchange_url = exchange_port, f"http://127.0.0.1:{exchange_port}"
        wall_ns = RealClock().wall_ns()
        begins_ns = iso_ns(BEGINS) if speed > 1.0 else wall_ns
        self.origin = ClockOrigin(origin_market_ns=begins_ns, origin_wall_ns=wall_ns, speed=speed)
        settings = {
            "HEATSINK_CONFIG_DIR": str(config),
            "HEATSINK_EXCHANGE__URL": self.exchange_url,
            "HEATSINK_EXCHANGE__ORDERS": "client",
            "HEATSINK_EXCHANGE__WEIGHT_PER_MINUTE": "1000000",
            "HEATSINK_PHASE": "live",
        }
        super().__init__(folder, port, settings, shared={"HEATSINK_LOGS__LEVEL": "warning"})
        self.exchange: subprocess.Popen[bytes] | None = None

    def start_exchange(self) -> None:
        clock = (str(self.origin.origin_market_ns), str(self.origin.origin_wall_ns), str(self.origin.speed))
        command = (sys.executable, "-m", "tests.clients.lone_exchange", str(self.exchange_port), *clock,
                   self.settings["HEATSINK_CONFIG_DIR"])  # fmt: skip
        with (self.folder / "exchange.log").open("ab") as log:
            self.exchange = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=bare_environ())
        patiently(lambda: self.answers("/api/v3/ping"))

    def answers(self, path: str) -> bool:
        try:
            return bool(self.get(path) is not None)
        except (OSError, urllib.error.URLError):
            return False

    def get(self, path: str, **headers: str) -> Any:
        """What the exchange says."""
        request = urllib.request.Request(self.exchange_url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def balances(self, key: str) -> dict[str, Decimal]:
        """Of the account of an API key."""
        signed = f"timestamp={self.get('/api/v3/time')['serverTime']}&signature=any"
        account = self.get(f"/api/v3/account?{signed}", **{"X-MBX-APIKEY": key})
        return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in account["balances"]}

    def coins(self, key: str) -> dict[str, Decimal]:
        """What the account holds of each pair."""
        return {f"{coin}/USDT": there for coin, there in self.balances(key).items() if coin != "USDT" and there}

    def cash(self, key: str) -> Decimal:
        return self.balances(key)["USDT"]

    def start_heatsink(self) -> None:
        """Its server and all its services."""
        self.start_server()
        self.run_on_bus(_agreed, self.origin)
        for service in SERVICES:
            self.start(service)

    def kill_heatsink(self) -> None:
        for service in SERVICES:
            self.kill(service)
        self.kill_server()

    def end(self) -> None:
        super().end()
        killed(self.exchange)

    def latest(self, topic: Topic, count: int = 1_000_000) -> list[Any]:
        """Of a stream, oldest first."""
        return self.run_on_bus(_latest, topic, count)

    @property
    def clock_environ(self) -> dict[str, str]:
        """What a process needs for its clock to be the market's."""
        origin = self.origin
        library = compiled_clock(self.folder)
        return {
            "LD_PRELOAD": str(library),
            "MARKET_CLOCK": f"{origin.origin_market_ns} {origin.origin_wall_ns} {origin.speed}",
        }


async def _agreed(bus: RedisBus, origin: ClockOrigin) -> None:
    await bus.agree_on_clock(origin)


async def _latest(bus: RedisBus, topic: Topic, count: int) -> list[Any]:
    return list(reversed(await bus.latest(MAIN.of(topic), count)))


def compiled_clock(folder: Path) -> Path:
    compiler, library = shutil.which("cc"), folder / "market_clock.so"
    if compiler is None or sys.platform != "linux":
        pytest.skip("a bot on the market's clock needs Linux and a C compiler")
    if not library.exists():
        source = Path(__file__).with_name("market_clock.c")
        subprocess.run((compiler, "-shared", "-fPIC", "-O1", "-o", library, source), check=True)
    return library


@contextmanager
def bot_stack(folder: Path, *, speed: float, settings: Mapping[str, str] | None = None) -> Iterator[BotStack]:
    with claimed_port() as port, claimed_port() as exchange_port:
        stack = BotStack(folder, port, exchange_port, speed)
        stack.settings |= settings or {}
        try:
            stack.start_exchange()
            stack.start_heatsink()
            yield stack
        finally:
            stack.end()


def bot_program(name: str) -> Path:
    """Of the environment that ``make bots`` makes; skips without it."""
    program = BOTS / name
    if not os.access(program, os.X_OK):
        pytest.skip("needs freqtrade: make clients installs it, into .venv-bots")
    return program
