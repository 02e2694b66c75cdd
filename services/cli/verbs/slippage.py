"""``heatsink slippage``: the slippage model held against recorded books and fills."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack
from shared.application.stack import StackLocator


@on_stack
def slippage(
    stack: StackLocator,
    books: Annotated[
        list[Path] | None, typer.Argument(help="Folders of recorded books; files of Binance's bookDepth.")
    ] = None,
    daily: Annotated[
        Path | None, typer.Option("--daily", help="Daily bars, for books that do not tell ADV and volatility.")
    ] = None,
    fills: Annotated[
        Path | None, typer.Option("--fills", help="Fills in a file: heatsink tail decided executed bars --json.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="The fills that the running stack keeps.")] = False,
    wanted: Annotated[
        float, typer.Option("--wanted", help="The share of costs that the fitted Y should cover.", min=0.01, max=0.99)
    ] = 0.95,
    out: Annotated[Path | None, typer.Option("--out", help="Write all figures to this file, as JSON.")] = None,
    json: JsonOption = False,
) -> None:
    """Hold the slippage model against recorded books, and against what fills really cost."""
    from services.backtest.slippage.run import SlippageQuestion, ask_slippage, write_report
    from services.cli.printing import json_text, say
    from services.cli.views.slippage import print_slippage

    question = SlippageQuestion(tuple(books or ()), daily=daily, fills=fills, live=live, wanted=wanted)
    report = ask_slippage(stack, question)
    if out:
        write_report(out, report)
    if json:
        say(json_text(report))
    else:
        print_slippage(report)


VERBS = (slippage,)
