"""``heatsink up | sleep 600`` and a gate whose log nobody reads: whoever writes into a full pipe works on."""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.application.stack import find_stack, read_note
from shared.ports.errors import BusLostError
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import proposal
from tests.shipped import bare_environ

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
PIPE_BYTES = 4096
LONGEST_LINE = 1024  # so little room in a pipe, and writing waits
POLL_SECONDS = 0.1
ORDERS = 50


@dataclass
class Unread:
    """A process that writes into a pipe of which nobody reads."""

    process: "subprocess.Popen[bytes]"
    reader: int

    def held(self) -> int:
        """Bytes in the pipe."""
        return int.from_bytes(fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4)), sys.byteorder)

    async def until_full(self) -> None:
        """Until no whole line has room any more. Who would wait for a reader stands still from here on."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.held() < PIPE_BYTES - LONGEST_LINE:
                await asyncio.sleep(POLL_SECONDS)

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, PATIENCE_SECONDS)


@contextmanager
def unread(*command: str, **variables: str) -> Iterator[Unread]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    environ = {**bare_environ(), **variables}
    process = subprocess.Popen(
        (sys.executable, "-m", *command), cwd=ROOT, env=environ, stdout=writer, stderr=writer, stdin=subprocess.DEVNULL
    )
    os.close(writer)
    try:
        yield Unread(process, reader)
    finally:
        process.kill()
        process.wait()
        os.close(reader)


async def pids(bus: RedisBus) -> dict[str, int]:
    """Of the services that work."""
    return {name: beat.pid for name, beat in (await bus.heartbeats()).items() if beat.state == "ready"}


async def until_another(bus: RedisBus, service: str, pid: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await pids(bus)).get(service, pid) == pid:
            await asyncio.sleep(POLL_SECONDS)


@contextlib.asynccontextmanager
async def bus_of(data_dir: Path) -> AsyncIterator[RedisBus]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while read_note(data_dir) is None:
            await asyncio.sleep(POLL_SECONDS)
    stack = find_stack(redis_url=None, config_dir=None, data_dir=data_dir, environ=bare_environ())
    async with stack.bus() as bus:
        yield bus


@pytest.mark.chaos
@pytest.mark.stack(seconds=30)
async def test_a_stack_whose_output_nobody_reads_restarts_what_is_killed_and_ends_when_asked(tmp_path: Path) -> None:
    up = ("services.cli", "up", "--speed", "3600", "--json-logs", "--data", str(tmp_path))
    with unread(*up) as stack:
        async with bus_of(tmp_path) as bus:
            await stack.until_full()
            killed = 0
            for service in ("execution", "risk"):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while service not in (before := await pids(bus)):
                        await asyncio.sleep(POLL_SECONDS)
                os.kill(before[service], signal.SIGKILL)
                killed += 1
                await until_another(bus, service, before[service])
            assert killed == 2
        assert stack.held() >= PIPE_BYTES - LONGEST_LINE, "nobody read meanwhile"
        assert await stack.end() == 0
    with pytest.raises(BusLostError):
        async with find_stack(redis_url=bus_url(bus), config_dir=None, data_dir=tmp_path, environ={}).bus() as gone:
            await gone.heartbeats()


def bus_url(bus: RedisBus) -> str:
    where = bus.client.connection_pool.connection_kwargs
    return f"redis://{where['host']}:{where['port']}/0"


async def test_a_gate_whose_log_nobody_reads_decides_on_and_says_what_was_dropped(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server:
        variables = {"HEATSINK_REDIS__URL": server.url, "HEATSINK_EXCHANGE__KIND": "binance"}
        with unread("services.risk", **variables) as risk:
            async with RedisBus.open(server.url, MAIN) as bus, asyncio.timeout(PATIENCE_SECONDS):
                while "risk" not in await pids(bus):
                    await asyncio.sleep(POLL_SECONDS)
                dropped, sent = 0.0, 0
                while not dropped:
                    await bus.publish([proposal(f"o-{number}") for number in range(sent, sent + ORDERS)])
                    sent += ORDERS
                    await asyncio.sleep(POLL_SECONDS)
                    beat = (await bus.heartbeats())["risk"]
                    dropped = float(beat.facts.get("lines_dropped", 0))
                assert risk.held() >= PIPE_BYTES - LONGEST_LINE
                await bus.publish([proposal("o-last")])
                while await bus.decision("o-last") is None:
                    await asyncio.sleep(POLL_SECONDS)
            told = os.read(risk.reader, 1 << 20)
            while b"output_dropped" not in told:
                told += os.read(risk.reader, 1 << 20)
            assert await risk.end() == 0
