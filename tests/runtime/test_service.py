"""How a service ends, as real processes on a server of their own: when it must, with one clear line, and when told."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local_ports import claimed_port, free_port
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import UnfitServerError
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, running_valkey, wait_until_ready
from shared.ports.errors import BusLostError, CorruptStateError, FencedError, StateGoneError
from shared.runtime.logs import get_logger
from shared.runtime.service import _exit_code, _unless_stopped
from tests.cluster import running_cluster
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Running:
    process: "subprocess.Popen[bytes]"
    log: Path

    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, event: str, times: int = 1) -> dict[str, Any]:
        for _ in range(int(PATIENCE_SECONDS / 0.05)):
            if len(found := [row for row in self.events() if row["event"] == event]) >= times:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError(f"no {event!r} in\n{self.log.read_text(errors='replace')}")

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running(service: str, url: str, folder: Path, *variables: str) -> Iterator[Running]:
    """A service on real time, which needs no exchange to keep it. variables: more of its environment."""
    where = (
        f"HEATSINK_REDIS__URL={url}",
        f"HEATSINK_OPS__PORT={free_port()}",
        "HEATSINK_EXCHANGE__KIND=binance",
        *variables,
    )
    command = ("env", *where, sys.executable, "-m", f"services.{service}")
    log = folder / f"{service}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()


async def server_pid(url: str) -> int:
    async with RedisBus.open(url, MAIN) as bus:
        return int((await bus.client.info("server"))["process_id"])


async def test_services_end_with_one_clear_line_when_the_server_was_emptied(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server, running("risk", server.url, tmp_path) as risk:
        risk.wait_for("recovered")
        with running("ops", server.url, tmp_path) as ops:  # it has no lease to be fenced from
            ops.wait_for("listening")
            async with RedisBus.open(server.url, MAIN) as bus:
                await bus.client.flushall()
            assert (risk.wait(), ops.wait()) == (78, 78)  # the supervisor does not start them again
    for service in (risk, ops):
        assert [row["event"] for row in service.events()][-1] == "state_gone"
        assert "Traceback" not in service.log.read_text(encoding="utf-8")


async def test_a_service_that_comes_back_to_another_server_does_not_go_on_there(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server, running("risk", server.url, tmp_path) as risk:
        risk.wait_for("recovered")
        async with RedisBus.open(server.url, MAIN) as bus:
            await bus.client.set("hs:identity", "somebody else")
        assert risk.wait() == 78
    assert "not the same" in risk.events()[-1]["reason"]


async def test_an_emptied_server_is_refused_at_every_start_when_the_data_are_named(tmp_path: Path) -> None:
    """What a container engine does, which starts again whatever the exit code."""
    with running_valkey(tmp_path) as server:
        with running("risk", server.url, tmp_path) as first:
            first.wait_for("recovered")
        async with RedisBus.open(server.url, MAIN) as bus:
            named = f"HEATSINK_REDIS__IDENTITY={await bus.identity()}"
            with running("risk", server.url, tmp_path, named) as again:
                again.wait_for("recovered")
            await bus.client.flushall()
            for _ in range(2):
                with running("risk", server.url, tmp_path, named) as refused:
                    assert refused.wait() == 78
                assert [row["event"] for row in refused.events()] == ["state_gone"]
                assert "now nothing" in refused.events()[0]["reason"]
            assert await bus.client.dbsize() == 0  # nothing was begun


async def test_a_service_runs_on_a_redis_cluster_whose_slots_one_node_serves(tmp_path: Path) -> None:
    with running_cluster(tmp_path) as server, running("risk", server.url, tmp_path) as risk:
        risk.wait_for("recovered")
        risk.process.send_signal(signal.SIGTERM)
        assert risk.wait() == 0
    assert [row["event"] for row in risk.events() if row["level"] in ("error", "critical")] == []


async def test_a_service_stops_when_told_although_the_server_hangs(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server:
        pid = await server_pid(server.url)
        with running("risk", server.url, tmp_path) as risk:
            risk.wait_for("recovered")
            os.kill(pid, signal.SIGSTOP)
            try:
                risk.process.send_signal(signal.SIGTERM)
                assert risk.wait() == 0
            finally:
                os.kill(pid, signal.SIGCONT)
    assert risk.events()[-1]["event"] == "stopped"


async def test_a_service_stops_when_told_while_it_waits_for_a_server_that_is_away(tmp_path: Path) -> None:
    with running("risk", "redis://127.0.0.1:1/0", tmp_path) as risk:
        risk.wait_for("starting_over")
        risk.process.send_signal(signal.SIGTERM)
        assert risk.wait() == 0


@contextmanager
def server_process(server: EmbeddedValkey) -> Iterator["subprocess.Popen[bytes]"]:
    """The server until the block is left, or until the test kills it."""
    process = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


SERVICES = ("exchange_sim", "market_data", "signals", "sizing", "risk", "execution", "ops")


@pytest.mark.stack(seconds=15)
async def test_every_service_starts_over_when_its_server_is_killed_and_ends_well_only_when_asked(
    tmp_path: Path,
) -> None:
    with claimed_port() as port, ExitStack() as stack:
        server = EmbeddedValkey(tmp_path, port)
        simulator = free_port()
        settings = (
            "HEATSINK_EXCHANGE__KIND=sim",
            f"HEATSINK_EXCHANGE__URL=http://127.0.0.1:{simulator}",
            f"HEATSINK_SIMULATOR__PORT={simulator}",
        )
        with server_process(server) as first:
            await wait_until_ready(server.url)
            services = [stack.enter_context(running(name, server.url, tmp_path, *settings)) for name in SERVICES]
            for service in services:
                service.wait_for("started")
            first.kill()
            for service in services:
                service.wait_for("starting_over")
        assert [service.process.poll() for service in services] == [None] * len(SERVICES)
        with server_process(server):
            await wait_until_ready(server.url)
            for service in services:
                service.wait_for("started", times=2)
            for service in services:
                service.process.send_signal(signal.SIGTERM)
            assert [service.wait() for service in services] == [0] * len(SERVICES)
    assert [service.events()[-1]["event"] for service in services] == ["stopped"] * len(SERVICES)


async def test_a_count_of_cancellations_that_nobody_asked_for_is_taken_for_no_stop() -> None:
    """Nested task groups before Python 3.12 leave it behind; what runs next must not meet it."""
    left: list[int] = []

    async def leaves_a_count() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        left.append(task.cancelling())
        raise BusLostError("gone")

    stopped = asyncio.Event()
    for _ in range(3):
        with pytest.raises(ExceptionGroup):
            await _unless_stopped(leaves_a_count(), stopped)
        await _unless_stopped(asyncio.sleep(0), stopped)
    this = asyncio.current_task()
    assert left == [1, 1, 1]
    assert this is not None
    assert this.cancelling() == 0


async def test_a_service_whose_function_library_was_lost_loads_it_again(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server, running("risk", server.url, tmp_path) as risk:
        risk.wait_for("recovered")
        async with RedisBus.open(server.url, MAIN) as bus:
            await bus.client.function_flush()
        assert risk.wait_for("starting_over")["reason"] == "Function not found"
        risk.wait_for("recovered", times=2)
        assert risk.process.poll() is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StateGoneError("forgotten"), 78),
        (UnfitServerError("redis 6.2 is too old"), 78),
        (FencedError("another writer took over"), 1),
        (CorruptStateError("records do not match"), 1),
        (ValueError("a bug"), 1),
    ],
)
def test_what_ends_a_service_is_told_by_the_kind_of_error_within_all_groups(error: Exception, code: int) -> None:
    groups = BaseExceptionGroup("outer", [ExceptionGroup("inner", [error]), ConnectionError("as well")])
    assert _exit_code(groups, get_logger()) == code
