"""Reports of backtests over made-up markets, written where a test wants them."""

from pathlib import Path

from services.backtest import report
from services.backtest.backtest import digest_of
from services.backtest.decisions import write_decisions
from services.backtest.result import Backtest
from services.backtest.run import BacktestRun
from tests.backtest.random_market import random_options, random_reader


def write_report(folder: Path, *, seed: int = 1, **options: object) -> Path:
    """The report of a run over a market of this seed, as ``heatsink backtest --out`` writes it."""
    run = BacktestRun(random_options(**options), random_reader(seed))
    result = run.play()
    report.write(Backtest(run=result, variants=(), digest=digest_of(result)), folder)
    write_decisions(run.recorder.decisions, folder)
    return folder
