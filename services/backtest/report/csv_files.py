"""Tables for other programs: trades, fills, the curve, halts, verdicts and months. Times in UTC, ISO 8601."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import msgspec

from services.backtest.result import Backtest, Curve, Fill, HaltSpan, RuleTally, Trade
from services.backtest.statistics import Figures
from services.backtest.statistics.periods import Month
from shared.domain.numbers import plain
from shared.domain.safe_text import safe
from shared.domain.timeframes import MS_NS, SECOND_NS

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet would carry out


def as_csv(backtest: Backtest, figures: Figures) -> dict[str, bytes]:
    """The files by name."""
    run = backtest.run
    return {
        "trades.csv": _structs(Trade, run.trades),
        "fills.csv": _structs(Fill, run.fills),
        "curve.csv": _curve(run.curve),
        "halts.csv": _structs(HaltSpan, run.halts),
        "verdicts.csv": _structs(RuleTally, run.verdicts.rules),
        "monthly.csv": _structs(Month, figures.months),
    }


def _structs(kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> bytes:
    """A column for each field."""
    names = kind.__struct_fields__
    return _written(names, ([getattr(row, name) for name in names] for row in rows))


def _curve(curve: Curve) -> bytes:
    names = curve.__struct_fields__
    return _written(names, zip(*(getattr(curve, name) for name in names), strict=True))


def _written(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    body = StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerow([name.removesuffix("_ns") for name in names])
    times = [name.endswith("_ns") for name in names]
    writer.writerows([_cell(value, is_time=is_time) for value, is_time in zip(row, times, strict=True)] for row in rows)
    return body.getvalue().encode()


def text_cell(text: str) -> str:
    """A text as a cell that is one line, and no formula."""
    shown = safe(text)
    return f"'{shown}" if text.startswith(FORMULA) else shown


def _cell(value: object, *, is_time: bool) -> str | int | float:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() if is_time:
            at = datetime.fromtimestamp(value // SECOND_NS, tz=UTC)
            return f"{at:%Y-%m-%dT%H:%M:%S}.{value % SECOND_NS // MS_NS:03}Z" if value else ""
        case int() | float():
            return value
        case Decimal():
            return plain(value)
        case None:
            return ""
        case _:
            return text_cell(str(value))
