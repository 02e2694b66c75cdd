"""A sweep on a Dask cluster: a scheduler and two workers as processes, one of which is killed in the middle."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from distributed import Client

from services.backtest.sweep.cluster import cluster
from services.backtest.sweep.journal import NAME, Journal
from services.backtest.sweep.sweep import Sweeper
from services.backtest.sweep.work import work_off
from shared.application.errors import UserError
from tests.backtest.sweep.sweep_stage import digests, here, request_of, unwatched
from tests.patience import PATIENCE_SECONDS, patiently
from tests.shipped import bare_environ

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[3]
BOTH = ("--host", "127.0.0.1", "--no-dashboard")


class Processes(NamedTuple):
    """A cluster. workers: by their process ids."""

    address: str
    workers: dict[int, subprocess.Popen[bytes]]


def started(stack: ExitStack, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A process of Dask, which is killed with the stack."""
    log = stack.enter_context((folder / f"{words[0]}.log").open("ab"))
    command = [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:], *BOTH]
    environment = {**bare_environ(), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Processes]:
    """One scheduler and two workers on free ports."""
    note = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        started(stack, tmp_path, "dask_scheduler", "--port", "0", "--scheduler-file", str(note))
        patiently(lambda: note.exists() and note.read_text().rstrip().endswith("}"))
        words = ("dask_worker", "--scheduler-file", str(note), "--nthreads", "1", "--no-nanny")
        workers = [started(stack, tmp_path, *words) for _ in range(2)]
        with Client(scheduler_file=str(note), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE_SECONDS)
            address = client.scheduler.address
        yield Processes(address, {worker.pid: worker for worker in workers})


@pytest.mark.wide
def test_a_killed_worker_takes_no_run_with_it(tmp_path: Path, dask: Processes) -> None:
    killed: list[int] = []

    def kill_one(done: int, _all: int) -> None:
        if done == 2 and not killed:
            with Client(dask.address, set_as_default=False) as client:
                pids = client.run(os.getpid)
                patiently(lambda: any(client.processing().values()))
                busy = next(worker for worker, tasks in client.processing().items() if tasks)
            dask.workers[pids[busy]].kill()
            dask.workers[pids[busy]].wait()
            killed.append(pids[busy])

    request = request_of(tmp_path, grids=("strategies.donchian.entry=10,12,14,16,18,20,22,24",))
    swept = Sweeper(request).run(lambda _: cluster(dask.address), kill_one)
    assert killed
    calm = Sweeper(replace(request, out=tmp_path / "calm")).run(here, unwatched)
    assert digests(swept) == digests(calm)
    assert swept.rows == calm.rows
    lines = (tmp_path / "out" / NAME).read_bytes().splitlines()
    assert len(lines) == len(Journal(tmp_path / "out" / NAME).done) == 8


def test_a_worker_with_other_klines_or_another_heatsink_is_told(tmp_path: Path, dask: Processes) -> None:
    sweeper = Sweeper(request_of(tmp_path))
    [first, second, *_] = [task for trial in sweeper.trials if (task := trial.task("other", sweeper.code)) is not None]
    others = [first, replace(second, data=sweeper.data, code="other")]
    journal = Journal(tmp_path / NAME)
    ended = work_off(others, journal, lambda _: cluster(dask.address), unwatched)
    assert "it needs the same there" in ended.reasons[others[0].key]
    assert "the worker has another heatsink" in ended.reasons[others[1].key]
    assert not journal.path.exists()


def test_where_no_scheduler_answers_is_told() -> None:
    with pytest.raises(UserError, match="no scheduler answers there"), cluster("tcp://127.0.0.1:9"):
        pass
