"""``heatsink backtest``: the machines that trade, over stored klines, and a report of what they did."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failing import EXIT_FAILED, explained
from services.cli.verbs.backtest_compare import compare
from services.cli.verbs.backtest_options import QuietOption, of_backtests

if TYPE_CHECKING:
    from services.backtest.request import Request

backtest_app = typer.Typer(help="Trade stored klines with the code that trades, and report.")


@backtest_app.callback(invoke_without_command=True)
@of_backtests
def backtest(
    request: "Request",
    context: typer.Context,
    variants: Annotated[bool, typer.Option(help="With the other market, other costs, other fills.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; one there is replaced. Left out: only the summary.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Trade stored klines with the code that trades, and report."""
    if context.invoked_subcommand is not None:
        return
    from services.cli.views.backtest_run import run_and_report

    with explained():
        run_and_report(request, variants=variants, out=out, quiet=quiet)


@backtest_app.command()
@of_backtests
def check(
    request: "Request",
    cuts: Annotated[int, typer.Option(help="At how many times the data are cut.", min=1, max=1_000)] = 3,
    seed: Annotated[int, typer.Option(help="Of those times.", min=0, max=1_000_000_000)] = 1,
) -> None:
    """Prove that it knows no future: data cut at random times, doubled history, the order within a bar."""
    from services.cli.views.backtest_run import check_and_print

    with explained():
        holds = check_and_print(request, cuts=cuts, seed=seed)
    raise typer.Exit(0 if holds else EXIT_FAILED)


backtest_app.command()(compare)
