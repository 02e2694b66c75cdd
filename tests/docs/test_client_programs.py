"""The programs that are shown for the client libraries can be run, beside real services."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from heatsink_client import Gate
from msgspec import structs

from shared.messages.orders import OrderDecided
from tests.clients.gate_harness import CLIENT_EXECUTES, NOW_NS, PAIRS, RunningGate, running_gate
from tests.docs.pages import ROOT, program
from tests.e2e.test_node_client import installed
from tests.patience import PATIENCE_SECONDS, killed_at_the_end
from tests.samples import samples

pytestmark = pytest.mark.processes


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGate]:
    """With a size of each pair."""
    with running_gate(tmp_path, "execution", settings=CLIENT_EXECUTES) as gate:
        [sized] = [each for each in samples() if type(each).__name__ == "PositionSized"]
        gate.publish(
            *(
                structs.replace(
                    sized, id=f"size-{symbol}", symbol=symbol, time_ns=NOW_NS, price=100.0, stop_price=95.0,
                    stop_distance=5.0, quantity=Decimal("1.5"),
                )
                for symbol in PAIRS
            )
        )  # fmt: skip
        yield gate


def printed_by(path: Path, source: str, *command: str) -> list[str]:
    path.write_text(source, encoding="utf-8")
    done = subprocess.run(
        command, cwd=path.parent, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_program_of_the_readme_puts_a_bot_behind_the_gate(running: RunningGate, tmp_path: Path) -> None:
    source, path = program("bot.py"), tmp_path / "bot.py"
    assert len([line for line in source.splitlines() if line]) <= 10
    [first] = printed_by(path, source, sys.executable, path.name, running.url)
    assert first.split()[:4] == ["buy", "1.5", "ETH:", "approve"]
    assert printed_by(path, source, sys.executable, path.name, running.url) == [first]
    [decided] = running.decisions()
    assert (decided.symbol, decided.verdict) == ("ETH/USDT", "approve")


def test_the_program_of_the_node_client_does_the_same(
    running: RunningGate, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    client = installed(ROOT / "clients" / "node", request)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "heatsink-client").symlink_to(client)
    path = tmp_path / "bot.mjs"
    [line] = printed_by(path, program("bot.mjs"), "node", path.name, running.url)
    assert line.split()[:4] == ["buy", "1.5", "ETH:", "approve"]


def test_the_asynchronous_program_buys_what_there_is_room_for(running: RunningGate, tmp_path: Path) -> None:
    path = tmp_path / "gather.py"
    lines = printed_by(path, program("gather.py"), sys.executable, path.name, running.url)
    assert sorted(line.split()[2] for line in lines) == sorted(PAIRS)
    assert {line.split()[0] for line in lines} <= {"approve", "trim"}


def test_the_program_that_executes_reports_what_was_approved(running: RunningGate, tmp_path: Path) -> None:
    path = tmp_path / "execute.py"
    path.write_text(program("execute.py"), encoding="utf-8")
    with Gate(running.url) as gate:
        assert gate.propose("ETH/USDT", "buy", "1", stop_price=95, id="mine-1")
        command = (sys.executable, path.name, running.url)
        started = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        with killed_at_the_end(started) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline().split() for _ in range(3)]
        assert [line[:2] for line in lines] == [["taken", "mine-1"], ["stop", "taken"], ["handled", lines[2][1]]]
    [decided] = [each for each in running.decisions() if isinstance(each, OrderDecided)]
    assert decided.order_id == "mine-1"
