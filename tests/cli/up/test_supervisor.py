"""The supervisor with tiny children of its own: restarts, order of the end, and nobody left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.up.supervisor import Backoff, Supervisor
from tests.cli.up.children import SLEEPS, Notes, is_gone, python, supervised
from tests.patience import PATIENCE_SECONDS, killed_at_the_end

pytestmark = pytest.mark.processes

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
POLITE = """
import signal, sys, time
def stop(number, frame):
    print("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("up")
time.sleep(600)
"""


async def test_lines_of_both_outputs_are_passed_on_with_the_childs_name() -> None:
    code = "import sys, time; print('one'); print('two', file=sys.stderr); time.sleep(600)"
    async with supervised(python(code)) as (_, notes):
        await notes.until_line("two")
    assert ("child", "one") in notes.lines
    assert ("child", "two") in notes.lines


async def test_a_dead_child_is_started_again_after_longer_and_longer_waits() -> None:
    async with supervised(python("print('up'); raise SystemExit(3)")) as (supervisor, notes):
        await notes.until_event("died", count=5)
        child = supervisor.children["child"]
    deaths = [event for event in notes.events if event.kind == "died"]
    assert [event.delay_seconds for event in deaths[:5]] == [0.02, 0.04, 0.08, 0.1, 0.1]
    assert child.restarts == supervisor.restarts == len(deaths)
    assert child.exit_code == 3
    assert notes.kinds()[:4] == ["started", "died", "started", "died"]


async def test_a_child_that_ran_long_enough_starts_again_with_the_first_wait() -> None:
    notes = Notes()
    forgiving = Backoff(first_seconds=0.02, factor=10.0, longest_seconds=5.0, healthy_seconds=0.0)
    supervisor = Supervisor(notes.line, notes.event, forgiving)
    async with asyncio.TaskGroup() as group:
        supervisor.start(python("raise SystemExit(1)"), group)
        await notes.until_event("died", count=3)
        await supervisor.end()
    assert {event.delay_seconds for event in notes.events if event.kind == "died"} == {0.02}


async def test_a_killed_child_comes_back_as_another_process() -> None:
    async with supervised(python(SLEEPS)) as (supervisor, notes):
        await notes.until_line("up")
        first = supervisor.children["child"].pid
        os.kill(first, signal.SIGKILL)
        await notes.until_line("up", count=2)
        assert supervisor.children["child"].pid != first
        assert supervisor.children["child"].exit_code == -signal.SIGKILL


async def test_a_child_that_refuses_its_configuration_is_not_started_again() -> None:
    async with supervised(python("raise SystemExit(78)")) as (supervisor, notes):
        await notes.until_event("refused")
    assert notes.kinds() == ["started", "refused"]
    assert supervisor.restarts == 0


async def test_a_child_that_crashes_again_and_again_is_failing_and_one_that_was_killed_is_not() -> None:
    async with supervised(python("raise SystemExit(3)"), python(SLEEPS, "killed")) as (supervisor, notes):
        await notes.until_event("died", count=3)
        await notes.until_line("up")
        os.kill(supervisor.children["killed"].pid, signal.SIGKILL)
        await notes.until_line("up", count=2)
        assert [child.spec.name for child in supervisor.failing()] == ["child"]
        assert supervisor.children["killed"].crashes == 0


async def test_the_end_asks_children_to_stop_and_waits_for_them() -> None:
    async with supervised(python(POLITE)) as (supervisor, notes):
        await notes.until_line("up")
        pid = supervisor.children["child"].pid
    assert ("child", "stopped") in notes.lines
    assert notes.kinds() == ["started"]
    assert is_gone(pid)


async def test_a_child_that_does_not_stop_is_killed_after_the_wait() -> None:
    async with supervised(python(STUBBORN), end_seconds=0.2) as (supervisor, notes):
        await notes.until_line("up")
        pid = supervisor.children["child"].pid
    assert notes.kinds() == ["started", "killed"]
    assert is_gone(pid)


async def test_higher_stages_end_before_lower_ones() -> None:
    async with supervised(python(POLITE, "base", 0), python(POLITE, "middle", 1), python(POLITE, "top", 2)) as (
        _,
        notes,
    ):
        await notes.until_line("up", count=3)
    assert [name for name, line in notes.lines if line == "stopped"] == ["top", "middle", "base"]


async def test_the_end_does_not_wait_for_a_restart_that_is_due_later() -> None:
    notes = Notes()
    slow = Backoff(first_seconds=600.0, longest_seconds=600.0)
    supervisor = Supervisor(notes.line, notes.event, slow)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        supervisor.start(python("raise SystemExit(1)"), group)
        await notes.until_event("died")
        await supervisor.end()
    assert notes.kinds() == ["started", "died"]


async def test_an_endless_line_is_dropped_and_the_next_one_passes() -> None:
    code = "import time; print('x' * 3_000_000); print('after'); time.sleep(600)"
    async with supervised(python(code)) as (_, notes):
        await notes.until_line("after")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is asked for on Linux only")
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """The supervisor runs in a process of its own here, and gets SIGKILL: it can do nothing for its children."""
    script = tmp_path / "supervise.py"
    script.write_text(
        "import asyncio, sys\n"
        "from services.cli.up.supervisor import ChildSpec, Supervisor\n"
        f"spec = ChildSpec('child', (sys.executable, '-u', '-c', {STUBBORN!r}), {{}})\n"
        "async def main():\n"
        "    def on_line(name, line):\n"
        "        print(supervisor.children['child'].pid, flush=True)\n"
        "    supervisor = Supervisor(on_line, lambda event: None)\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        supervisor.start(spec, group)\n"
        "asyncio.run(main())\n"
    )
    environ = {"PYTHONPATH": str(Path(__file__).parents[3])}
    with killed_at_the_end(
        subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environ)
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert not is_gone(pid)
    for _ in range(2000):
        if is_gone(pid):
            return
        os.sched_yield()
        signal.sigtimedwait([], 0.01)
    raise AssertionError(f"child {pid} outlived its supervisor")
