"""A backtest on the terminal: progress while it goes, then the summary, and the report where one is wanted."""

from pathlib import Path

from services import wiring
from services.backtest import report
from services.backtest.backtest import backtest
from services.backtest.check import check
from services.backtest.decisions import write_decisions
from services.backtest.options import BacktestOptions
from services.backtest.request import Request, options_of
from services.backtest.statistics import figures_of
from services.cli.failing import ready_folder
from services.cli.printing import bare_table, plain_console
from services.cli.views.backtest import print_backtest
from services.cli.views.progress import run_progress


def run_and_report(request: Request, *, variants: bool, out: Path | None, quiet: bool) -> None:
    """Run it, print the summary, and write the report into ``out``. Raises ``ConfigError`` and ``UserError``."""
    options = checked_options(request)
    if out is not None:
        ready_folder("--out", out)
    with run_progress(options.start_ms, options.end_ms, shown=not quiet) as progress:
        outcome = backtest(options, variants=variants, progress=progress)
    written: list[Path] = []
    if out is not None:
        written = [*report.write(outcome.backtest, out), write_decisions(outcome.decisions, out)]
    print_backtest(outcome.backtest, figures_of(outcome.backtest.run), written)


def check_and_print(request: Request, *, cuts: int, seed: int) -> bool:
    """Make every proof and print what it showed; returns whether all of them hold."""
    table = bare_table("proof", "holds", "what was found")
    holds = True
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
