"""A whole stack of real processes for a test: started as a user starts it, on a server the test can look into."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from services.cli.up.data_dir import TOKEN
from shared.adapters.redis.bus import RedisBus
from shared.config.load import process_environment
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, PORTFOLIO
from tests.keys import MAIN
from tests.shipped import SHIPPED

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 30.0
POLL_SECONDS = 0.2
CONFIG = """
[[strategies]]
name = "donchian"
kind = "donchian"
timeframe = "1h"
weight = 0.5
parameters = { entry = 20, exit = 10 }

[[strategies]]
name = "momentum"
kind = "momentum"
timeframe = "1h"
weight = 0.5
parameters = { fast = 10, slow = 40 }
"""


def hourly_config(folder: Path) -> Path:
    """The shipped configuration with hourly strategies only, so that the file's own bars are the ones in use, and with
    pairs that were thinner then than the criterion of today.
    """
    for file in SHIPPED.glob("*.toml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "strategies.toml").write_text(CONFIG, encoding="utf-8")
    limits = (folder / "limits.toml").read_text(encoding="utf-8")
    assert "min_adv_usdt = 40_000_000" in limits
    (folder / "limits.toml").write_text(
        limits.replace("min_adv_usdt = 40_000_000", "min_adv_usdt = 1_000_000"), "utf-8"
    )
    return folder


@dataclass
class Stack:
    """A running ``heatsink up``. ``kills``: processes killed so far, by service."""

    bus: RedisBus
    process: asyncio.subprocess.Process
    log: Path
    kills: dict[str, int] = field(default_factory=dict)

    async def entries(self, key: str) -> list[Message]:
        """All of a stream, oldest first."""
        return list(reversed(await self.bus.latest(key, 1_000_000)))

    async def until(self, what: Callable[[], Any], seconds: float) -> None:
        """Wait until ``await what()`` is true; fails with the log's end when it takes too long."""
        try:
            async with asyncio.timeout(seconds):
                while not await what():
                    if self.process.returncode is not None:
                        raise AssertionError(f"the stack ended early:\n{self.tail()}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"waited {seconds:g} s in vain:\n{self.tail()}") from None

    async def market_ns(self) -> int:
        """Market time now: of the newest snapshot."""
        latest = await self.bus.latest(MAIN.of(PORTFOLIO))
        return latest[0].time_ns if latest else 0

    async def decided(self) -> bool:
        return bool(await self.bus.latest(MAIN.of(DECIDED)))

    async def kill(self, service: str) -> None:
        """SIGKILL a service's process, by the pid of its own heartbeat; then wait for its successor to be ready."""
        pid = (await self.bus.heartbeats())[service].pid
        os.kill(pid, signal.SIGKILL)
        self.kills[service] = self.kills.get(service, 0) + 1

        async def back() -> bool:
            beat = (await self.bus.heartbeats())[service]
            return beat.pid != pid and beat.state == "ready"

        await self.until(back, 40)

    def exchange_url(self) -> str:
        """Where the simulated exchange listens, from the note that ``heatsink up`` leaves for other verbs."""
        note: dict[str, Any] = json.loads((self.log.parent / "data" / "run.json").read_text(encoding="utf-8"))
        return str(note["exchange_url"])

    def _admin(self) -> aiohttp.ClientSession:
        """Who may give the simulated exchange faults."""
        token = (self.log.parent / "data" / TOKEN).read_text(encoding="utf-8").strip()
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})

    async def fault(self, url: str, **fault: Any) -> None:
        async with self._admin() as session, session.post(f"{url}/sim/faults", json=fault) as answer:
            assert answer.status in (200, 201), await answer.text()

    async def clear_faults(self, url: str) -> None:
        async with self._admin() as session, session.delete(f"{url}/sim/faults") as answer:
            assert answer.status == 200, await answer.text()

    async def faults(self, url: str) -> dict[str, Any]:
        async with self._admin() as session, session.get(f"{url}/sim/faults") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log about an event, of all processes."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [row for line in lines if f'"{event}"' in line and (row := json.loads(line))["event"] == event]

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@asynccontextmanager
async def running_stack(
    bus: RedisBus, url: str, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """``heatsink up`` on the given server; ended with SIGTERM, and it must end well. environ: more variables for it."""
    command = (sys.executable, "-m", "services.cli", "up", "--redis-url", url, "--json-logs", *arguments)
    log = folder / "up.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, "--data", str(folder / "data"), cwd=ROOT, stdout=output, stderr=output,
            env={**process_environment(), **(environ or {})},
        )  # fmt: skip
    stack = Stack(bus, process, log)
    try:
        yield stack
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
        assert process.returncode == 0, stack.tail()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
