"""A sweep on the terminal: progress while it goes, then the table, and where the rest is."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from services.backtest.sweep import files
from services.backtest.sweep.cluster import cluster as cluster_of
from services.backtest.sweep.crew import processes
from services.backtest.sweep.result import Sweep
from services.backtest.sweep.sweep import Sweeper, SweepRequest
from services.backtest.sweep.words import (
    FOLD_HEADINGS,
    about_luck,
    cells_of,
    fold_cells,
    heading_of,
    headings,
    stitched_words,
)
from services.backtest.sweep.work import CrewMaker, Watch
from services.cli.failing import EXIT_FAILED, ready_folder
from services.cli.views.printing import bare_table, plain_console
from shared.adapters.books.errors import BooksError
from shared.adapters.klines.columns import RecordingError
from shared.application.errors import UserError

MOST_ROWS = 20
EXIT_INTERRUPTED = 130  # as shells have it for Ctrl-C


def sweep_and_print(request: SweepRequest, *, workers: int | None, cluster: str, quiet: bool) -> int:
    """Do it, print the table, write the files; gives the exit code. Raises ``ConfigError`` and ``UserError``."""
    try:
        sweeper = Sweeper(request)
        ready_folder("--out", request.folder)
        with watched(sweeper.runs, quiet=quiet) as watch:
            found = sweeper.run(crew_maker(workers, cluster), watch)
    except (RecordingError, BooksError) as error:
        raise UserError(str(error)) from None
    except KeyboardInterrupt:
        again = f"{request.command} --cluster {cluster}" if cluster else request.command
        print(f"\nStopped. What is done is in {request.folder}. To go on:\n{again}", file=sys.stderr)
        return EXIT_INTERRUPTED
    print_sweep(found, files.write(found, request.folder))
    return EXIT_FAILED if found.setup.failed == found.setup.runs else 0


def crew_maker(workers: int | None, cluster: str) -> CrewMaker:
    """Processes of this machine, never more than there are tasks, or a cluster."""
    if cluster:
        return lambda _tasks: cluster_of(cluster)
    most = workers or os.cpu_count() or 1
    return lambda tasks: processes(min(most, tasks))


def print_sweep(sweep: Sweep, page: Path) -> None:
    """The best of it."""
    console, keys = plain_console(), [tried.key for tried in sweep.setup.tried]
    console.print(Text(heading_of(sweep.setup), style="bold"))
    if sweep.folds:
        table = bare_table(*(f">{name}" for name in (*FOLD_HEADINGS[:1], *keys, *FOLD_HEADINGS[1:])))
        for fold in sweep.folds:
            table.add_row(*fold_cells(fold, keys))
        console.print(table)
        console.print(stitched_words(sweep), soft_wrap=True)
    else:
        table = bare_table(*(f">{name}" for name in headings(sweep, keys)))
        for row in sweep.rows[:MOST_ROWS]:
            table.add_row(*cells_of(sweep, row, keys))
        console.print(table)
    console.print(about_luck(sweep), soft_wrap=True)
    for reason in dict.fromkeys(row.reason for row in sweep.rows if row.reason):
        console.print(Text(f"  {reason}", style="yellow"), soft_wrap=True)
    if sweep.rows[0].rank and not sweep.folds:
        console.print(Text(f"The best again: {sweep.rows[0].command}"), soft_wrap=True)
    console.print(
        Text(f"All rows, each with its command: {page}, and rows.csv and sweep.json beside it."), soft_wrap=True
    )


@contextmanager
def watched(runs: int, *, quiet: bool) -> Iterator[Watch]:
    """Show how many runs are done, how fast they are, and how long the rest takes."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        yield _Shown(shown, shown.add_task("", total=runs, rate="")).update


class _Shown:
    """The bar. Runs that a journal had already are no part of the rate."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._update = partial(progress.update, task)
        self._began, self._before = time.monotonic(), -1

    def update(self, done: int, total: int) -> None:
        if self._before < 0 or done < self._before:
            self._began, self._before = time.monotonic(), done
        hours = (time.monotonic() - self._began) / 3600
        rate = f"{(done - self._before) / hours:,.0f}/h" if done > self._before and hours else ""
        self._update(completed=done, total=total, rate=rate)
