"""``heatsink up`` as a user starts it: embedded server, simulated exchange, every service, and a clean end."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from services.users import users_of
from services.wiring import services_with
from shared.application.stack import find_stack, read_note
from shared.config.credentials import OWNER
from tests.patience import killed_at_the_end

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
END_SECONDS = 120
LINES_READ = 5_000


@contextmanager
def running(data_dir: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """``heatsink up`` in a process of its own, its log lines on a pipe; killed at the end if it still runs."""
    command = (sys.executable, "-m", "services.cli", "up", "--data", str(data_dir), "--json-logs", *arguments)
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    with killed_at_the_end(process):
        yield process


def events(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert process.stderr is not None
    lines: IO[str] = process.stderr
    for _, line in zip(range(LINES_READ), lines, strict=False):
        yield json.loads(line)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def refused_of_users(data_dir: Path) -> list[dict[str, Any]]:
    """What the server refused since the start: whose right was missing, and for what."""
    stack = find_stack(redis_url=None, config_dir=None, data_dir=data_dir, environ={})
    assert stack.origin == "note"
    async with stack.bus(OWNER) as bus:
        assert await bus.client.execute_command("ACL", "GETUSER", "default") is not None
        found: list[dict[str, Any]] = await bus.client.acl_log()
        return found


def no_password_shows(data_dir: Path, pids: set[int]) -> None:
    """Neither in the list of processes nor in the note; and nobody else may read what the stack keeps."""
    secrets = {path.read_text().strip() for path in (data_dir / "users").iterdir()}
    assert len(secrets) == len(users_of("main"))
    shown = [(data_dir / "run.json").read_text()]
    if sys.platform == "linux":
        shown += [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids if not is_gone(pid)]
    assert not [text for text in shown for secret in secrets if secret in text]
    kept = [data_dir, *data_dir.rglob("*")]
    assert any(path.suffix == ".aof" for path in kept)
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


@pytest.mark.stack
def test_a_stack_decides_survives_a_killed_service_and_leaves_nothing_behind(tmp_path: Path) -> None:
    pids: dict[str, int] = {}
    everybody: set[int] = set()
    summary: dict[str, Any] = {}
    stopped: list[str] = []
    decided, begins = False, ""
    with running(tmp_path, "--speed", "1800", "--from", "2026-05-04") as process:
        for event in events(process):
            match event["event"]:
                case "market_begins":
                    begins = event["market_time"]
                    assert "without" not in event
                case "child_started":
                    pids[event["child"]] = event["pid"]
                    everybody.add(event["pid"])
                case "order_decided" if not decided:
                    decided = True
                    note = read_note(tmp_path)
                    assert note is not None
                    assert note.pid == process.pid
                    os.kill(pids["sizing"], signal.SIGKILL)
                case "recovered" if event["service"] == "sizing" and decided:
                    assert asyncio.run(refused_of_users(tmp_path)) == []
                    no_password_shows(tmp_path, everybody | {process.pid})
                    process.send_signal(signal.SIGINT)
                case "stopped":
                    stopped.append(event["service"])
                case "summary":
                    summary = event
        assert process.wait(END_SECONDS) == 0
    assert decided
    assert begins == "2026-05-04T00:00:00+00:00"
    assert set(stopped) >= {row.name for row in services_with("sim")}
    assert summary["restarts"] == "1: sizing 1"
    assert summary["first_decision"].endswith("s after the services' start")
    assert all(is_gone(pid) for pid in everybody)
    assert read_note(tmp_path) is None
    assert not (tmp_path / "redis-sim").exists()


@pytest.mark.stack
def test_a_duration_ends_the_run_and_halts_that_end_by_themselves_are_said_at_the_head_and_in_the_summary(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--duration", "1", "--resume-after", "6") as process:
        told = {event["event"]: event for event in events(process)}
        assert process.wait(END_SECONDS) == 0
    assert list(told)[-1] == "summary"
    assert told["resume_after"]["reason"] == "halts that wait for an operator end after 6 h (--resume-after)"
    assert told["summary"]["resumed"] == "0 halts by --resume-after 6"


@pytest.mark.wide
@pytest.mark.stack
def test_quiet_off_a_terminal_leaves_the_summary_and_warnings(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "services.cli", "up", "--data", str(tmp_path), "--quiet", "--duration", "3")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=END_SECONDS, check=False)
    assert result.returncode == 0
    assert result.stdout.startswith("heatsink ended\n")
    assert all(word not in result.stderr for word in ("INFO", '"level"')), result.stderr


def test_a_wrong_option_ends_with_the_code_for_configuration_before_anything_starts(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "services.cli", "up", "--data", str(tmp_path / "d"), "--speed", "-1")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=END_SECONDS, check=False)
    assert result.returncode == 78
    assert "--speed" in result.stderr
    assert not (tmp_path / "d").exists()


def test_a_server_that_is_not_there_is_told_with_its_remedy(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path), "--redis-url", "redis://127.0.0.1:1/0")
    command = (sys.executable, "-m", "services.cli", "up", *arguments)
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=END_SECONDS, check=False)
    assert result.returncode == 1
    assert "Redis is away" in result.stderr
    assert "leave out --redis-url" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from services.cli.__main__ import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'ccxt', 'pyarrow', 'numpy', 'aiohttp', 'redis', 'structlog', 'asyncio.subprocess'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]", result.stdout
