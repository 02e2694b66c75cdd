"""One run of a sweep as a task: it goes to another process or machine, and what it measured comes back.

A task carries paths, never bars: whoever runs it reads the store there. It is refused where the store or heatsink's own
source is another one, so all rows of a sweep are of the same data and code.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from services.backtest.backtest import digest_of
from services.backtest.digests import code_digest, config_digest
from services.backtest.options import BacktestOptions
from services.backtest.run import BacktestRun
from services.backtest.statistics.daily import days_of
from services.backtest.statistics.figures import figures_of
from shared.adapters.books.recorded import RecordedBooks
from shared.adapters.klines.columns import RecordingError
from shared.adapters.klines.store import KlineStore, is_store
from shared.adapters.whole_files import hash_of
from shared.domain.plan import Plan


class Measured(Struct, frozen=True, kw_only=True):
    """What a run came to. Fractions; ratios are annualised with 365 days; None where a figure cannot be told.

    max_drawdown: the most within any hour.
    market: return of the equal-weighted basket of all pairs.
    digest: of the run, as ``heatsink backtest`` prints it; data: of its bars.
    """

    nav_end: float
    total_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    max_heat: float
    mean_utilisation: float
    turnover: float | None
    trades: int
    win_rate: float
    profit_factor: float | None
    halts: int
    market: float
    digest: str
    data: str


class Played(Struct, frozen=True, kw_only=True):
    """A task that is done, as the journal keeps it. returns: one a day, as fractions."""

    key: str
    measured: Measured
    returns: list[float]


@dataclass(frozen=True)
class Task:
    """One run. data, code: digests of what it has to find where it runs."""

    options: BacktestOptions
    data: str
    code: str

    @property
    def key(self) -> str:
        """The same key, the same result."""
        return hashlib.sha256(f"{config_digest(self.options)} {self.data} {self.code}".encode()).hexdigest()


class OtherWorkerError(RuntimeError):
    """A worker has another store or another heatsink than whoever sent the task."""


def own_code() -> str:
    """SHA-256 of heatsink's source here. A strategy of one's own travels in the settings, as the text that it is."""
    return code_digest(Plan())


def data_digest(store: Path, books: Path | None = None) -> str:
    """SHA-256 of the values of a store, or of the bytes of a single recording; and of recorded books beside it.

    Raises ``RecordingError`` and ``BooksError`` for what is neither.
    """
    if not is_store(store) and not store.is_file():
        raise RecordingError(f"{store}: no store of klines, and no recording; heatsink data import makes a store")
    digest = KlineStore(store).digest() if is_store(store) else hash_of(store)
    return f"{digest} {RecordedBooks(books).digest()}" if books is not None else digest


def play(task: Task) -> Played:
    """Run it. Raises ``NoMarketError``, ``RecordingError``, ``BooksError`` and ``OtherWorkerError``."""
    if own_code() != task.code:
        raise OtherWorkerError("the worker has another heatsink; install the same one there")
    options = task.options
    if data_digest(options.store, options.books_path) != task.data:
        places = " and ".join(str(path) for path in (options.store, options.books_path) if path is not None)
        raise OtherWorkerError(f"the worker has other data at {places}; it needs the same there")
    run = BacktestRun(options).play()
    figures = figures_of(run)
    performance, usage, trades = figures.performance, figures.usage, figures.trades
    measured = Measured(
        nav_end=performance.nav_end,
        total_return=performance.total_return,
        cagr=performance.cagr,
        volatility=performance.volatility,
        sharpe=performance.sharpe,
        sortino=performance.sortino,
        calmar=performance.calmar,
        max_drawdown=performance.max_drawdown,
        max_heat=usage.max_heat,
        mean_utilisation=usage.mean_utilisation,
        turnover=usage.turnover,
        trades=trades.count,
        win_rate=trades.win_rate,
        profit_factor=trades.profit_factor,
        halts=len(run.halts),
        market=performance.market,
        digest=digest_of(run),
        data=run.setup.digests.data,
    )
    return Played(key=task.key, measured=measured, returns=days_of(run).returns)
