"""A sweep from its request to its result. What is done stays in the journal, so that it may be ended at any time."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from services import wiring
from services.backtest.market.market import NoMarketError
from services.backtest.market.needed import require_bars
from services.backtest.market.reader import reader_of
from services.backtest.request import Request
from services.backtest.sweep import journal, space, table, walk
from services.backtest.sweep.journal import Journal
from services.backtest.sweep.result import Fold, Row, Sweep, SweepSetup, Tried
from services.backtest.sweep.space import Space, Values
from services.backtest.sweep.table import Outcome
from services.backtest.sweep.task import data_digest, own_code
from services.backtest.sweep.trials import Trial, trials_of
from services.backtest.sweep.work import OpenPool, Watch, work_off
from shared.application.errors import UserError
from shared.application.stack import DATA_DIR

REFUSED = "refused: "
NOTHING: Outcome = (None, "")


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """A sweep in the words of the command line.

    backtest: what all runs have in common. count: of random trials; None for the whole grid.
    walk: ``180d/60d``; empty for one time. by: the figure that is sorted and chosen by. out: folder; None for one by
    the digest of all this.
    """

    backtest: Request
    grids: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    count: int | None = None
    seed: int = 1
    walk: str = ""
    by: str = "sharpe"
    out: Path | None = None

    @property
    def command(self) -> str:
        """The command that makes it again."""
        words = shlex.split(self.backtest.command)
        words[1:2] = ["sweep"]
        for option, texts in (("--grid", self.grids), ("--range", self.ranges)):
            for text in texts:
                words += [option, text]
        words += ["--random", str(self.count), "--seed", str(self.seed)] if self.count is not None else []
        words += ["--walk", self.walk] if self.walk else []
        words += ["--by", self.by] if self.by != "sharpe" else []
        words += ["--out", str(self.out)] if self.out is not None else []
        return shlex.join(words)

    @property
    def folder(self) -> Path:
        """Where its journal and its results are."""
        asked = (self.backtest.command, self.grids, self.ranges, self.count, self.seed, self.walk)
        return self.out or DATA_DIR / "sweeps" / hashlib.sha256(repr(asked).encode()).hexdigest()[:12]


class Sweeper:
    """A sweep that is checked and ready. Raises ``ConfigError`` and ``UserError``, before anything runs.

    data, code: the digests by which its tasks are known.
    """

    def __init__(self, request: SweepRequest) -> None:
        self.request = request
        self.space = space_of(request)
        self.trials = trials_of(request.backtest, self.space)
        options = next(trial.options for trial in self.trials if trial.options is not None)
        wiring.BY_NAME[wiring.SIGNALS].check(options.settings)
        self.start_ms, self.end_ms = options.start_ms, options.end_ms
        self.windows = walk.windows_of(request.walk, self.start_ms, self.end_ms) if request.walk else []
        self.data, self.code = data_digest(options.store, options.books_path), own_code()
        _require_bars_of_one(self.trials)

    @property
    def runs(self) -> int:
        """How many there are, at most."""
        return len(self.trials) * max(1, len(self.windows)) + len(self.windows)

    def run(self, open_pool: OpenPool, watch: Watch) -> Sweep:
        """Play all of it that the journal does not have."""
        with journal.opened(self.request.folder) as done:
            if self.windows:
                return self._walk(done, open_pool, watch)
            outcomes = self._play(self.trials, done, open_pool, watch)
        rows = table.rows_of(self.trials, outcomes, self.request.by)
        return Sweep(setup=self._setup(rows, table.luck_of(outcomes)), rows=rows)

    def _play(self, trials: Sequence[Trial], done: Journal, open_pool: OpenPool, watch: Watch) -> list[Outcome]:
        """What came of each."""
        tasks = [trial.task(self.data, self.code) for trial in trials]
        ended = work_off([task for task in tasks if task is not None], done, open_pool, watch)
        return [
            (ended.done.get(task.key), ended.reasons.get(task.key, "")) if task else (None, REFUSED + trial.reason)
            for trial, task in zip(trials, tasks, strict=True)
        ]

    def _walk(self, done: Journal, open_pool: OpenPool, watch: Watch) -> Sweep:
        """All samples, then what was chosen in each on the time after it."""
        samples = [[trial.between(each.start_ms, each.split_ms) for trial in self.trials] for each in self.windows]
        outcomes = iter(self._play([trial for sample in samples for trial in sample], done, open_pool, watch))
        tables = [
            table.rows_of(sample, list(islice(outcomes, len(sample))), self.request.by, fold)
            for fold, sample in enumerate(samples, start=1)
        ]
        best = [rows[0] if rows[0].rank else None for rows in tables]
        chosen = {
            fold: self.trials[row.trial - 1].between(window.split_ms, window.end_ms)
            for fold, (row, window) in enumerate(zip(best, self.windows, strict=True), start=1)
            if row is not None
        }
        after = dict(zip(chosen, self._play(list(chosen.values()), done, open_pool, watch), strict=True))
        outs = {fold: table.row_of(trial, after[fold], None, fold) for fold, trial in chosen.items()}
        folds = tuple(
            Fold(fold=fold, chosen=row, out=outs.get(fold), **window.dates)
            for fold, (row, window) in enumerate(zip(best, self.windows, strict=True), start=1)
        )
        returns = [window.returns(after.get(fold, NOTHING)[0]) for fold, window in enumerate(self.windows, start=1)]
        rows = tuple(row for each in tables for row in each)
        setup = self._setup((*rows, *outs.values()), None)
        return Sweep(setup=setup, rows=rows, folds=folds, stitched=walk.stitched(folds, returns))

    def _setup(self, rows: Sequence[Row], luck: float | None) -> SweepSetup:
        request, space_ = self.request, self.space
        return SweepSetup(
            command=request.command,
            start=self.trials[0].request.start,
            end=self.trials[0].request.end,
            by=request.by,
            tried=tuple(
                Tried(key=axis.key, about=axis.about, values=axis.values if isinstance(axis, Values) else ())
                for axis in space_.axes
            ),
            trials=len(self.trials),
            seed=space_.seed,
            walk=request.walk,
            runs=len(rows),
            failed=sum(row.measured is None for row in rows),
            luck=luck,
            data=self.data,
            code=self.code,
        )


def _require_bars_of_one(trials: Sequence[Trial]) -> None:
    """Raises ``UserError`` where the store has no bars for any trial. Where it has some, the others are rows."""
    fault = ""
    for options in (trial.options for trial in trials if trial.options is not None):
        try:
            require_bars(options, reader_of(options.store, options.start_ms))
        except NoMarketError as error:
            fault = fault or str(error)
        else:
            return
    raise UserError(fault)


def space_of(request: SweepRequest) -> Space:
    """What is tried. Raises ``UserError``."""
    if request.by not in table.FIGURES:
        raise UserError(f"--by {request.by}: choose one of {', '.join(table.FIGURES)}")
    if request.count is not None:
        if not request.grids and not request.ranges:
            raise UserError("--random: say of what: --range strategies.donchian.entry=10..60, or --grid")
        return space.drawn(request.count, request.seed, request.grids, request.ranges)
    if request.ranges:
        raise UserError("--range: a range has no end of values; say how many to try: --random 50")
    if not request.grids:
        raise UserError("say what to try: --grid limits.heat=0.04,0.06,0.08, or --random N with --range")
    return space.grid(request.grids)
