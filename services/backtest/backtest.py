"""A backtest as it is asked for: one run, and beside it the variants that say how much the result hangs on what nobody
knows: how the price moved within a bar, what trading costs, when an order fills, and what the breakers did.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import msgspec
from msgspec import structs

from services.backtest.options import BacktestOptions
from services.backtest.pool import processes
from services.backtest.recorder.decisions import Decision
from services.backtest.result import Backtest, FillMoment, MarketKind, Run, Variant
from services.backtest.run import BacktestRun, Progress, no_progress
from services.backtest.statistics.figures import variant_of
from shared.domain.plan import BreakerName


@dataclass(frozen=True)
class Outcome:
    """A backtest, and every decision of its run."""

    backtest: Backtest
    decisions: Sequence[Decision]


def backtest(options: BacktestOptions, *, variants: bool = True, progress: Progress = no_progress) -> Outcome:
    """Run it, and its variants in processes of their own. Raises ``NoMarketError`` and ``RecordingError``."""
    others_of = list(variants_of(options)) if variants else []
    with processes(os.cpu_count() or 1) as pool:
        waiting = [pool.executor.submit(_variant, name, other) for name, other in others_of]
        played = BacktestRun(options)
        run = played.play(progress)
        others = tuple(each.result() for each in waiting)
    return Outcome(Backtest(run=run, variants=others, digest=digest_of(run)), played.recorder.decisions)


def digest_of(run: Run) -> str:
    """SHA-256 of the run, but for how it was called."""
    named = structs.replace(run, setup=structs.replace(run.setup, command=""))
    return hashlib.sha256(msgspec.json.encode(named, order="deterministic")).hexdigest()


def variants_of(options: BacktestOptions) -> Iterator[tuple[str, BacktestOptions]]:
    """The same run with one thing otherwise."""
    other_market: MarketKind = "jumping" if options.market == "smooth" else "smooth"
    yield f"{other_market} market", replace(options, market=other_market)
    for factor in (0.5, 2.0):
        yield f"{factor:g} x costs", replace(options, cost_factor=options.cost_factor * factor)
    other_fill: FillMoment = "next_open" if options.fill == "close" else "close"
    words = {"next_open": "filled at the next open", "close": "filled at the close"}
    yield words[other_fill], replace(options, fill=other_fill)
    plan = options.settings.plan
    # The rule named drawdown would go on without its breaker, and nobody could resume it.
    unbroken = structs.replace(
        plan,
        breakers=structs.replace(plan.breakers, off=get_args(BreakerName)),
        limits=structs.replace(plan.limits, drawdown=1.0),
    )
    yield "no breakers", replace(options, settings=structs.replace(options.settings, plan=unbroken))


def _variant(name: str, options: BacktestOptions) -> Variant:
    return variant_of(name, BacktestRun(options).play())
