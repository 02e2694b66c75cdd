"""``heatsink sweep``: many backtests that differ in their settings, ranked."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failing import explained
from services.cli.verbs.backtest_options import QuietOption, of_backtests

if TYPE_CHECKING:
    from services.backtest.request import Request


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


@of_backtests
def sweep(
    backtest: "Request",
    grid: GridOption = None,
    ranges: RangeOption = None,
    random: RandomOption = None,
    seed: Annotated[int, typer.Option(help="Of --random.", min=0, max=1_000_000_000)] = 1,
    walk: WalkOption = "",
    by: ByOption = Figure.SHARPE,
    workers: WorkersOption = None,
    cluster: ClusterOption = "",
    out: OutOption = None,
    quiet: QuietOption = False,
) -> None:
    """Try many settings over stored klines, and rank them. What is done is kept: the same command goes on."""
    if cluster and workers is not None:
        raise typer.BadParameter("the workers of a cluster are its own; leave out --workers, or --cluster")
    from services.backtest.sweep.sweep import SweepRequest
    from services.cli.views.sweep import sweep_and_print

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
