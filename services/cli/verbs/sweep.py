"""``heatsink sweep``: many backtests that differ in their settings, ranked."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import explained
from services.cli.verbs.backtest_options import (
    BarsOption,
    BooksOption,
    ByEvidenceOption,
    CostsOption,
    FillMoment,
    FillOption,
    FromOption,
    MarketKind,
    MarketOption,
    NeverResumeOption,
    PairsOption,
    QuietOption,
    ResumeAfterOption,
    SetOption,
    StoreOption,
    ToOption,
)
from services.cli.verbs.options import ConfigOption


class Figure(StrEnum):
    """What runs are sorted and chosen by."""

    SHARPE = "sharpe"
    SORTINO = "sortino"
    CALMAR = "calmar"
    RETURN = "return"
    DRAWDOWN = "drawdown"


GridOption = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=V,V", help="Values of one setting: limits.heat=0.04,0.06. May be repeated."),
]
RangeOption = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="KEY=A..B", help="For --random: strategies.donchian.entry=10..60, or 10..60:log."),
]
RandomOption = Annotated[
    int | None, typer.Option("--random", metavar="N", help="So many random trials.", min=1, max=100_000)
]
WalkOption = Annotated[str, typer.Option(metavar="IN/OUT", help="Forward: choose on 180 days, judge on 60: 180d/60d.")]
ByOption = Annotated[Figure, typer.Option(help="The figure that is sorted and chosen by.")]
WorkersOption = Annotated[int | None, typer.Option(help="Processes. Left out: one for each core.", min=1, max=256)]
ClusterOption = Annotated[str, typer.Option(help="Scheduler of a Dask cluster: tcp://host:8786.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder. Left out: .heatsink/sweeps/ and a digest.")]


def sweep(
    grid: GridOption = None,
    ranges: RangeOption = None,
    random: RandomOption = None,
    seed: Annotated[int, typer.Option(help="Of --random.")] = 1,
    walk: WalkOption = "",
    by: ByOption = Figure.SHARPE,
    start: FromOption = "",
    end: ToOption = "",
    pairs: PairsOption = "",
    config: ConfigOption = None,
    changes: SetOption = None,
    store: StoreOption = None,
    bars: BarsOption = "",
    market: MarketOption = MarketKind.SMOOTH,
    fill: FillOption = FillMoment.CLOSE,
    books: BooksOption = "modelled",
    resume_after: ResumeAfterOption = 24.0,
    never_resume: NeverResumeOption = False,
    by_evidence: ByEvidenceOption = False,
    costs: CostsOption = 1.0,
    workers: WorkersOption = None,
    cluster: ClusterOption = "",
    out: OutOption = None,
    quiet: QuietOption = False,
) -> None:
    """Try many settings over stored klines, and rank them. What is done is kept: the same command goes on."""
    if cluster and workers is not None:
        raise typer.BadParameter("the workers of a cluster are its own; leave out --workers, or --cluster")
    from services.backtest.request import Request
    from services.backtest.sweep.sweep import SweepRequest
    from services.cli.views.sweep import sweep_and_print

    backtest = Request(
        store=store,
        config_dir=config,
        start=start,
        end=end,
        pairs=pairs,
        changes=tuple(changes or ()),
        bars=bars,
        market=market.value,
        fill="next_open" if fill is FillMoment.NEXT_OPEN else "close",
        books=books,
        resume_after_hours=None if never_resume else resume_after,
        by_evidence=by_evidence,
        cost_factor=costs,
    )
    request = SweepRequest(
        backtest=backtest,
        grids=tuple(grid or ()),
        ranges=tuple(ranges or ()),
        count=random,
        seed=seed,
        walk=walk,
        by=by.value,
        out=out,
    )
    with explained():
        code = sweep_and_print(request, workers=workers, cluster=cluster, quiet=quiet)
    raise typer.Exit(code)


VERBS = (sweep,)
