"""Binance's published bookDepth: how much rested within 1 to 5 percent of the price, every half minute.

``data/futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2023-01-01.zip``, its CSV, or the same rows as parquet, with
the columns ``timestamp`` (or ``time``, UTC), ``percentage`` (below 0: bids), ``depth`` (base units) and ``notional``
(USDT), both summed up from the price on.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from shared.adapters.books.errors import BooksError
from shared.domain.timeframes import SECOND_NS

NEEDED = ("percentage", "depth", "notional")
TIMES = ("timestamp", "time")
QUOTE = "USDT"
_SYMBOL = re.compile(rf"(?<![A-Za-z0-9])([A-Z0-9]+){QUOTE}(?![A-Za-z0-9])")


class DepthSample(Struct, frozen=True):
    """The depth of one moment, in the order of the file.

    symbol: the pair, such as ``BTC/USDT``.
    buckets: percent of the price, below 0 on the side of the bids; to base units and USDT that rest up to there.
    """

    symbol: str
    time_ns: int
    buckets: dict[float, tuple[float, float]]


def is_bookdepth(path: Path) -> bool:
    """Whether a file may be one, by its name."""
    return path.is_file() and path.suffix in (".zip", ".csv", ".parquet")


def read_bookdepth(path: Path) -> Iterator[DepthSample]:
    """The samples of a file. Raises ``BooksError`` that names file, row and field."""
    symbol = _symbol_of(path)
    numbered = enumerate(_rows(path), start=1)
    parsed = (_parsed(path, number, row) for number, row in numbered)
    for time_ns, rows in groupby(parsed, key=lambda row: row[0]):
        yield DepthSample(symbol, time_ns, {percentage: (depth, notional) for _, percentage, depth, notional in rows})


def _symbol_of(path: Path) -> str:
    if not (found := _SYMBOL.search(path.name.replace("_", "-"))):
        raise BooksError(f"{path}: its name has no symbol; it is named like BTC{QUOTE}-bookDepth-2023-01-01.zip")
    return f"{found[1]}/{QUOTE}"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with _explained(path):
        match path.suffix:
            case ".parquet":
                with pq.ParquetFile(path) as file:
                    _check_columns(path, file.schema_arrow.names)
                    for batch in file.iter_batches():
                        yield from batch.to_pylist()
            case ".zip":
                with zipfile.ZipFile(path) as archive:
                    [name] = archive.namelist()
                    with archive.open(name) as inside:
                        yield from _csv_rows(path, io.TextIOWrapper(inside, "utf-8"))
            case _:
                with path.open(encoding="utf-8") as text:
                    yield from _csv_rows(path, text)


def _csv_rows(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(lines)
    _check_columns(path, reader.fieldnames or ())
    yield from reader


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What readers say of a file that is none, or is damaged, as ``BooksError``."""
    try:
        yield
    except BooksError:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, csv.Error, pa.ArrowException) as error:
        raise BooksError(f"{path}: not a readable file of bookDepth: {str(error).strip()}") from None


def _check_columns(path: Path, names: Iterable[str]) -> None:
    has = set(names)
    missing = [name for name in NEEDED if name not in has]
    if not has & set(TIMES):
        missing.insert(0, TIMES[0])
    if missing:
        raise BooksError(f"{path}: no column {', '.join(missing)}; expected {', '.join((TIMES[0], *NEEDED))}")


def _parsed(path: Path, number: int, row: dict[str, Any]) -> tuple[int, float, float, float]:
    """Time, percentage, depth and notional. Raises ``BooksError``."""
    field = TIMES[0] if TIMES[0] in row else TIMES[1]
    values = []
    try:
        time_ns = _time_ns(row[field])
        for field in NEEDED:
            values.append(_number(row[field], least=-100.0 if field == NEEDED[0] else 0.0))
    except (TypeError, ValueError):
        problem = f"{field} = {row[field]!r} cannot be"
        raise BooksError(f"{path}: row {number}: {problem}; remove the row, or get the file again") from None
    percentage, depth, notional = values
    return time_ns, percentage, depth, notional


def _number(text: Any, least: float) -> float:
    value = float(text)
    if not least <= value < inf:
        raise ValueError(text)
    return value


def _time_ns(value: Any) -> int:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(time.timestamp()) * SECOND_NS + time.microsecond * 1_000
