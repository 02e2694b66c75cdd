"""The options of everything that runs backtests: which market, which settings, and what is taken for granted."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.verbs.options import ConfigOption, with_options

if TYPE_CHECKING:
    from services.backtest.request import Request

FromOption = Annotated[str, typer.Option("--from", help="First day, UTC: 2022-01-01. Left out: the first there is.")]
ToOption = Annotated[str, typer.Option("--to", help="Day at which it ends. Left out: the last there is.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting: limits.heat=0.06. May be repeated.")
]
StoreOption = Annotated[Path | None, typer.Option(help="Store of klines, or one recording (parquet).")]
PairsOption = Annotated[str, typer.Option(help="Only these, with commas: BTC,ETH. Left out: all of the universe.")]
BarsOption = Annotated[
    str, typer.Option(help="Bars that orders and stops meet: 1m. Left out: those of the strategies.")
]


class MarketKind(StrEnum):
    """How the price moves within a bar."""

    SMOOTH = "smooth"
    JUMPING = "jumping"


class FillMoment(StrEnum):
    """When an order at the market fills."""

    CLOSE = "close"
    NEXT_OPEN = "next-open"


MarketOption = Annotated[MarketKind, typer.Option(help="How the price moves within a bar.")]
BooksOption = Annotated[
    str, typer.Option(help="modelled by daily volume; none: rules that need one are off; or a folder of recorded ones.")
]
FillOption = Annotated[FillMoment, typer.Option(help="When an order at the market fills.")]
ResumeAfterOption = Annotated[
    float, typer.Option(metavar="HOURS", help="After which halts end that wait for an operator.", min=0, max=8_760)
]
NeverResumeOption = Annotated[bool, typer.Option("--never-resume", help="Nobody ends them.")]
ByEvidenceOption = Annotated[bool, typer.Option("--by-evidence", help="Phases by evidence, not by their dates.")]
CostsOption = Annotated[float, typer.Option(help="Times fees, spread and slippage.", min=0, max=100)]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress.")]


def of_backtests(verb: Callable[..., None]) -> Callable[..., None]:
    """Make a verb of a function whose first parameter is the ``Request`` for a backtest.

    The options that make the request are added to the function's own.
    """
    names = inspect.signature(backtest_request).parameters

    def asked(**given: Any) -> None:
        request = backtest_request(**{name: given.pop(name) for name in names})
        verb(request, **given)

    return with_options(verb, asked, backtest_request)


def backtest_request(
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
) -> "Request":
    """The backtest that these options ask for."""
    from services.backtest.request import Request

    return Request(
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
