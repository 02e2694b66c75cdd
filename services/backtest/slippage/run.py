"""One run of the validation, as a front end asks for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from services.backtest.slippage.figures import FiguresOfDays
from services.backtest.slippage.fills import Fills, read_messages
from services.backtest.slippage.results import SlippageReport
from services.backtest.slippage.validate import open_source, validate
from shared.adapters.whole_files import write_whole
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.domain.timeframes import DAILY
from shared.messages.base import Message
from shared.messages.catalogue import BARS, DECIDED, EXECUTED


class SlippageQuestion(NamedTuple):
    """What to compare.

    books: folders of recorded books, and files of bookDepth.
    daily: a file or store of daily bars, for books that do not tell ADV and volatility.
    fills: messages that ``heatsink tail --json`` printed. live: those that the running stack keeps.
    wanted: the share of costs that the fitted Y should cover.
    """

    books: tuple[Path, ...] = ()
    daily: Path | None = None
    fills: Path | None = None
    live: bool = False
    wanted: float = 0.95


def ask_slippage(stack: StackLocator, question: SlippageQuestion) -> SlippageReport:
    """Compare, with the costs of the stack's configuration.

    Raises ``UserError``, ``BooksError``, ``RecordingError``, ``BusLostError``.
    """
    if not (question.books or question.fills or question.live):
        raise UserError(
            "Nothing to compare with: name a folder of recorded books (heatsink data record-books makes one) or a file "
            "of bookDepth, a file of fills with --fills, or --live for the fills of the running stack."
        )
    plan = stack.settings.plan
    fills = Fills(plan.sizing) if question.fills or question.live else None
    figures = FiguresOfDays(question.daily, plan.sizing) if question.daily else None
    if fills and question.fills:
        for message in read_messages(question.fills):
            fills.take(message)
    if fills and question.live:
        asyncio.run(_take_live(stack, fills))
    sources = [open_source(path, figures.at if figures else None) for path in question.books]
    return validate(sources, plan.costs, fills, wanted=question.wanted)


async def _take_live(stack: StackLocator, fills: Fills) -> None:
    async for message in _kept(stack):
        fills.take(message)


async def _kept(stack: StackLocator) -> AsyncIterator[Message]:
    """All that the streams keep of decisions, fills and daily bars."""
    keys = stack.keys
    cursors = dict.fromkeys((keys.of(BARS, DAILY), keys.of(DECIDED), keys.of(EXECUTED)), "0-0")
    async with stack.bus() as bus:
        while entries := await bus.read_from(cursors, 0):
            for entry in entries:
                if entry.message is not None:
                    yield entry.message


def write_report(path: Path, report: SlippageReport) -> None:
    """All figures as JSON, in one step. Raises ``UserError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
