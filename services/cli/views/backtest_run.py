"""A backtest on the terminal: progress while it goes, then the summary, and the report where one is wanted."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from services import wiring
from services.backtest import report
from services.backtest.backtest import backtest
from services.backtest.check import check
from services.backtest.decisions import write_decisions
from services.backtest.market.market import NoMarketError
from services.backtest.options import BacktestOptions
from services.backtest.request import Request, options_of
from services.backtest.run import Progress as Watcher
from services.backtest.run import no_progress
from services.backtest.statistics import figures_of
from services.cli.failing import ready_folder
from services.cli.views.backtest import print_backtest
from services.cli.views.printing import bare_table, plain_console
from shared.adapters.klines.columns import RecordingError
from shared.application.errors import UserError
from shared.application.wording.formats import clock
from shared.domain.timeframes import MS_NS


def run_and_report(request: Request, *, variants: bool, out: Path | None, quiet: bool) -> None:
    """Run it, print the summary, and write the report into ``out``. Raises ``ConfigError`` and ``UserError``."""
    with store_faults():
        options = checked_options(request)
        if out is not None:
            ready_folder("--out", out)
        with watched(options, quiet=quiet) as progress:
            outcome = backtest(options, variants=variants, progress=progress)
    written: list[Path] = []
    if out is not None:
        written = [*report.write(outcome.backtest, out), write_decisions(outcome.decisions, out)]
    print_backtest(outcome.backtest, figures_of(outcome.backtest.run), written)


def check_and_print(request: Request, *, cuts: int, seed: int) -> bool:
    """Make every proof and print what it showed; returns whether all of them hold."""
    table = bare_table("proof", "holds", "what was found")
    holds = True
    with store_faults():
        for finding in check(checked_options(request), cuts=cuts, seed=seed):
            table.add_row(finding.name, "yes" if finding.passed else "NO", finding.detail)
            holds = holds and finding.passed
    plain_console().print(table)
    return holds


def checked_options(request: Request) -> BacktestOptions:
    """The options of a run; strategies of one's own have been tried. Raises ``ConfigError`` and ``UserError``."""
    options = options_of(request)
    wiring.BY_NAME[wiring.SIGNALS].check(options.settings)
    return options


@contextmanager
def store_faults() -> Iterator[None]:
    """What is wrong with klines, as an error that people are told in a sentence."""
    try:
        yield
    except (NoMarketError, RecordingError) as error:
        raise UserError(str(error)) from None


@contextmanager
def watched(options: BacktestOptions, *, quiet: bool) -> Iterator[Watcher]:
    """Show how far a run is: its market time, bars a second, and how long it still takes."""
    if quiet or not sys.stderr.isatty():
        yield no_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("history", total=options.end_ms - options.start_ms, rate="")
        yield _updating(shown, task, options.start_ms)


def _updating(shown: Progress, task: TaskID, start_ms: int) -> Watcher:
    began = time.monotonic()

    def update(now_ns: int, bars: int) -> None:
        rate = f"{bars / max(time.monotonic() - began, 1e-9):,.0f} bars/s"
        shown.update(task, completed=now_ns // MS_NS - start_ms, description=clock(now_ns), rate=rate)

    return update
