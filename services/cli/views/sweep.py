"""A sweep on the terminal: progress while it goes, then the table, and where the rest is."""

import os
from pathlib import Path

from rich.text import Text

from services.backtest.pool import processes
from services.backtest.sweep import files
from services.backtest.sweep.cluster import cluster as cluster_of
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
from services.backtest.sweep.work import OpenPool
from services.cli.failing import EXIT_FAILED, ready_folder
from services.cli.printing import bare_table, plain_console, say
from services.cli.views.progress import sweep_progress

MOST_ROWS = 20
EXIT_INTERRUPTED = 130  # as shells have it for Ctrl-C


def sweep_and_print(request: SweepRequest, *, workers: int | None, cluster: str, quiet: bool) -> int:
    """Do it, print the table, write the files; gives the exit code. Raises ``ConfigError`` and ``UserError``."""
    try:
        sweeper = Sweeper(request)
        ready_folder("--out", request.folder)
        with sweep_progress(sweeper.runs, shown=not quiet) as watch:
            found = sweeper.run(pool_of(workers, cluster), watch)
    except KeyboardInterrupt:
        again = f"{request.command} --cluster {cluster}" if cluster else request.command
        say("", f"Stopped. What is done is in {request.folder}. To go on:", again, err=True)
        return EXIT_INTERRUPTED
    print_sweep(found, files.write(found, request.folder))
    return EXIT_FAILED if found.setup.failed == found.setup.runs else 0


def pool_of(workers: int | None, cluster: str) -> OpenPool:
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
