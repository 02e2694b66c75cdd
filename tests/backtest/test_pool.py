"""Tasks in processes: each ends once, whatever happens to the processes."""

import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.backtest.pool import processes
from services.backtest.sweep.journal import NAME, Journal, opened
from services.backtest.sweep.sweep import Sweeper
from services.backtest.sweep.task import Task
from services.backtest.sweep.work import DIED, work_off
from tests.backtest.sweep.sweep_stage import GRID, digests, here, request_of, unwatched
from tests.patience import PATIENCE_SECONDS, killed_at_the_end, patiently
from tests.shipped import bare_environ

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class DeadlyTask(Task):
    """Ends whatever process it is sent to."""

    key: str = "deadly"  # type: ignore[misc]

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


@pytest.mark.wide
def test_processes_give_what_one_process_gives_and_are_gone_afterwards(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    alone = Sweeper(request_of(tmp_path)).run(here, unwatched)
    together = Sweeper(request_of(tmp_path, out=tmp_path / "two")).run(lambda _: processes(2), unwatched)
    assert digests(together) == digests(alone)
    assert set(multiprocessing.active_children()) == before


def test_a_killed_process_takes_no_run_with_it(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    killed: list[int] = []

    def kill_one(done: int, _all: int) -> None:
        if done == 1 and not killed:
            worker = next(iter(set(multiprocessing.active_children()) - before))
            killed.append(worker.pid or 0)
            worker.kill()

    swept = Sweeper(request_of(tmp_path)).run(lambda tasks: processes(min(2, tasks)), kill_one)
    assert killed
    assert digests(swept) == digests(Sweeper(request_of(tmp_path, out=tmp_path / "calm")).run(here, unwatched))
    lines = (tmp_path / "out" / NAME).read_bytes().splitlines()
    assert len(lines) == len(Journal(tmp_path / "out" / NAME).done) == 4


def test_a_run_that_ends_its_process_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    sweeper = Sweeper(request_of(tmp_path))
    tasks = [task for trial in sweeper.trials if (task := trial.task(sweeper.data, sweeper.code)) is not None]
    deadly = DeadlyTask(tasks[0].options, sweeper.data, sweeper.code)
    with opened(tmp_path / "out") as journal:
        ended = work_off([tasks[0], deadly, *tasks[1:]], journal, lambda most: processes(min(2, most)), unwatched)
    assert ended.reasons == {"deadly": DIED}
    assert set(ended.done) == {task.key for task in tasks}


def test_ctrl_c_says_what_to_type_and_that_goes_on_with_what_is_left(tmp_path: Path) -> None:
    request = request_of(tmp_path, grids=(*GRID, "strategies.donchian.exit=3,4"))
    journal = tmp_path / "out" / NAME
    words = [sys.executable, "-m", "services.cli", *_words(request.command), "--workers", "1"]
    process = subprocess.Popen(words, cwd=ROOT, env=bare_environ(), stderr=subprocess.PIPE, text=True)
    with killed_at_the_end(process) as running:
        patiently(lambda: (journal.exists() and b"\n" in journal.read_bytes()) or running.poll() is not None)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130, told
    assert "Traceback" not in told
    done = len(Journal(journal).done)
    assert 1 <= done < 8
    again = told.splitlines()[-1]
    assert again == request.command
    words = [sys.executable, "-m", "services.cli", *_words(again)]
    ended = subprocess.run(
        words, cwd=ROOT, env=bare_environ(), capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert len(Journal(journal).done) == 8
    assert "The best again: heatsink backtest" in ended.stdout


def _words(command: str) -> list[str]:
    return shlex.split(command)[1:]
