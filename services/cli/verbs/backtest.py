"""``heatsink backtest``: the machines that trade, over stored klines, and a report of what they did."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import EXIT_FAILED, explained
from services.cli.verbs.backtest_compare import compare
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

backtest_app = typer.Typer(help="Trade stored klines with the code that trades, and report.")


@backtest_app.callback(invoke_without_command=True)
def backtest(
    context: typer.Context,
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
    variants: Annotated[bool, typer.Option(help="With the other market, other costs, other fills.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; one there is replaced. Left out: only the summary.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Trade stored klines with the code that trades, and report."""
    if context.invoked_subcommand is not None:
        return
    from services.backtest.request import Request
    from services.cli.views.backtest_run import run_and_report

    request = Request(
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
    with explained():
        run_and_report(request, variants=variants, out=out, quiet=quiet)


@backtest_app.command()
def check(
    start: FromOption = "",
    end: ToOption = "",
    pairs: PairsOption = "",
    config: ConfigOption = None,
    changes: SetOption = None,
    store: StoreOption = None,
    bars: BarsOption = "",
    cuts: Annotated[int, typer.Option(help="At how many times the data are cut.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of those times.")] = 1,
) -> None:
    """Prove that it knows no future: data cut at random times, doubled history, the order within a bar."""
    from services.backtest.request import Request
    from services.cli.views.backtest_run import check_and_print

    request = Request(
        store=store, config_dir=config, start=start, end=end, pairs=pairs, changes=tuple(changes or ()), bars=bars
    )
    with explained():
        holds = check_and_print(request, cuts=cuts, seed=seed)
    raise typer.Exit(0 if holds else EXIT_FAILED)


backtest_app.command()(compare)
