"""A report's folder, read back: its decisions, and the figures of its ``report.json`` that runs are compared by."""

from pathlib import Path

import msgspec
from msgspec import Struct

from services.backtest.decisions import NAME as DECISIONS
from services.backtest.decisions import read_decisions
from services.backtest.recorder.decisions import Decision
from services.backtest.result import Digests
from shared.application.errors import UserError
from shared.config.bounded_files import read_bounded

REPORT = "report.json"
MOST_BYTES = 1 << 30


class Performance(Struct, frozen=True, kw_only=True):
    """What is compared of ``figures.performance``. NAV in USDT, fractions; a short run has no Sharpe ratio."""

    nav_end: float
    total_return: float
    sharpe: float | None
    max_drawdown: float


class Usage(Struct, frozen=True, kw_only=True):
    """What is compared of ``figures.usage``: the most heat there was, a fraction of NAV."""

    max_heat: float


class TradeCount(Struct, frozen=True, kw_only=True):
    """What is compared of ``figures.trades``: how many there were."""

    count: int


class Figures(Struct, frozen=True, kw_only=True):
    """What is compared of ``figures``."""

    performance: Performance
    usage: Usage
    trades: TradeCount


class Setup(Struct, frozen=True, kw_only=True):
    """What is compared of ``run.setup``: the command that repeats the run, and what it was made of."""

    command: str
    digests: Digests


class PlayedRun(Struct, frozen=True, kw_only=True):
    """What is compared of ``run``: when it began and ended, market time."""

    setup: Setup
    start_ns: int
    end_ns: int


class Report(Struct, frozen=True, kw_only=True):
    """What a comparison reads of a report; whatever else stands there, also of later versions, is passed over."""

    figures: Figures
    run: PlayedRun


def read_report(folder: Path) -> tuple[Report, list[Decision]]:
    """A report and its decisions. Raises ``UserError`` for a folder that has none."""
    try:
        report = msgspec.json.decode(read_bounded(folder / REPORT, MOST_BYTES), type=Report)
        return report, list(read_decisions(folder))
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise UserError(
            f"{folder}: no {name} there; heatsink backtest --out FOLDER writes {REPORT} and {DECISIONS}"
        ) from None
    except NotADirectoryError:
        raise UserError(f"{folder}: no folder; name the one that heatsink backtest --out wrote") from None
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        ArithmeticError,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ) as error:
        raise UserError(f"{folder}: no report of a backtest ({error})") from None
