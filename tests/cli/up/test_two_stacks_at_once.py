"""Two stacks that are started in the same moment keep out of each other's way: each has ports of its own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local_ports import claimed_port, free_port
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.config.load import process_environment
from tests.patience import PATIENCE_SECONDS, killed_at_the_end

ROOT = Path(__file__).parents[3]
BEGINS = {"first": "2024-03-05", "second": "2023-09-12"}  # when their markets begin


@contextmanager
def started(folder: Path, *arguments: str, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
    """``heatsink up`` in a process of its own, its log in ``up.log``; killed at the end if it still runs."""
    folder.mkdir()
    command = (sys.executable, "-m", "services.cli", "up", "--data", str(folder / "data"), "--json-logs", *arguments)
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={**process_environment(), **environ})
    with killed_at_the_end(process):
        yield process


def events(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "up.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def told(found: list[dict[str, Any]], event: str) -> dict[str, Any]:
    [one] = [row for row in found if row["event"] == event]
    return one


@pytest.mark.sockets
def test_a_port_is_claimed_though_nobody_listens_on_it_yet() -> None:
    wanted = free_port()
    with claimed_port(wanted) as first, claimed_port(wanted) as second, claimed_port(wanted) as third:
        assert first == wanted
        assert len({first, second, third}) == 3
    with claimed_port(wanted) as again:
        assert again == wanted


@pytest.mark.processes
def test_a_claim_ends_with_the_process_that_made_it(tmp_path: Path) -> None:
    wanted = free_port()
    code = (
        "import sys; from shared.adapters.local_ports import claimed_port\n"
        f"with claimed_port({wanted}) as port: print(port, flush=True); sys.stdin.read()"
    )
    with killed_at_the_end(
        subprocess.Popen(
            (sys.executable, "-c", code), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == wanted
        with claimed_port(wanted) as other:
            assert other != wanted
    with claimed_port(wanted) as port:
        assert port == wanted


@pytest.mark.wide
@pytest.mark.stack
def test_two_stacks_that_start_at_once_have_each_their_own_server_exchange_and_dashboard(tmp_path: Path) -> None:
    wanted = {"HEATSINK_SIMULATOR__PORT": str(free_port()), "HEATSINK_OPS__PORT": str(free_port())}
    first, second = tmp_path / "first", tmp_path / "second"
    with (
        started(first, "--duration", "6", "--from", BEGINS["first"], **wanted) as one,
        started(second, "--duration", "6", "--from", BEGINS["second"], **wanted) as other,
    ):
        codes = [process.wait(PATIENCE_SECONDS) for process in (one, other)]
    found = {folder.name: events(folder) for folder in (first, second)}
    logs = "\n".join((folder / "up.log").read_text() for folder in (first, second))
    assert codes == [0, 0], logs
    for name, rows in found.items():
        assert not [row for row in rows if row["event"] in ("child_died", "crashed", "config_refused")], logs
        assert told(rows, "exchange_listening")["market_time"].startswith(BEGINS[name])
    for event in ("exchange_listening", "listening"):
        assert len({told(rows, event)["url"] for rows in found.values()}) == 2, logs


@pytest.mark.wide
@pytest.mark.stack(seconds=25)
def test_a_second_stack_on_one_server_is_refused_by_name_before_it_starts_anything(tmp_path: Path) -> None:
    ports = {"HEATSINK_SIMULATOR__PORT": str(free_port()), "HEATSINK_OPS__PORT": str(free_port())}
    first, second = tmp_path / "first", tmp_path / "second"
    (tmp_path / "server").mkdir()
    with running_valkey(tmp_path / "server") as server:
        url = ("--redis-url", server.url)
        with started(first, *url, **ports) as one:
            wait_for(first, "backfill_done")
            with started(second, *url, "--duration", "60", **ports) as other:
                code = other.wait(PATIENCE_SECONDS)
            by_hand = subprocess.run(
                (sys.executable, "-m", "services.market_data"),
                cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
                env={**process_environment(), "HEATSINK_REDIS__URL": server.url},
            )  # fmt: skip
            assert one.poll() is None
            one.send_signal(signal.SIGTERM)
            assert one.wait(PATIENCE_SECONDS) == 0
    logs = (second / "up.log").read_text()
    assert code == 78, logs
    assert "--redis-url = redis://" in logs
    assert "another stack runs on this server: market_data@" in logs
    assert "End that stack first, or leave out --redis-url" in logs
    assert "child_started" not in {row["event"] for row in events(second)}
    assert by_hand.returncode == 78, by_hand.stderr
    assert "market_taken" in by_hand.stderr
    assert "writes the market of this server" in by_hand.stderr
    assert "market_lease_acquired" not in by_hand.stderr
    assert not [row for row in events(first) if row["event"] in ("fenced", "child_died", "crashed")]


def wait_for(folder: Path, event: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(row["event"] == event for row in events(folder)):
        assert time.monotonic() < deadline, (folder / "up.log").read_text()
        time.sleep(0.1)
