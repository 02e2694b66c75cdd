"""One parquet file of the store: the bars of one symbol in one calendar year.

A row group holds a month, so that months can be read alone; the few bars of a year of days stand in one.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shared.adapters.klines.columns import Columns, Integers, RecordingError, copied

FEW_BARS = 366
NAMES = ("open_time", "open", "high", "low", "close", "volume", "quote_volume")
ENCODINGS = {NAMES[0]: "DELTA_BINARY_PACKED"} | dict.fromkeys(NAMES[1:], "PLAIN")  # a quarter smaller than by default
SCHEMA = pa.schema([(name, pa.float64() if number else pa.int64()) for number, name in enumerate(NAMES)])


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What the reader of parquet says of a file that is none, or is damaged, as ``RecordingError``."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        problem = f"not a readable parquet file: {str(error).strip()}"
        raise RecordingError(f"{path}: {problem}", problem) from None


def write_file(path: Path, columns: Columns) -> None:
    """Bars of one year, in order of time. What is unknown of a volume is written as null."""
    months = columns.open_ms.astype("datetime64[ms]").astype("datetime64[M]")
    starts = np.flatnonzero(np.diff(months, prepend=months[0] - 1)) if len(columns) > FEW_BARS else np.array([0])
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=False, column_encoding=ENCODINGS) as writer:
        for first, end in zip(starts, np.append(starts[1:], len(months)), strict=True):
            month = columns.at(slice(int(first), int(end)))
            arrays = [pa.array(month.open_ms), *(pa.array(values, from_pandas=True) for values in month.values)]
            writer.write_table(pa.table(arrays, schema=SCHEMA))


def read_file(path: Path, start_ms: int, end_ms: int) -> Iterator[Columns]:
    """The bars with start_ms <= open time < end_ms, month by month: no other month is read."""
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            times: Any = file.metadata.row_group(group).column(0).statistics
            if times is None or (times.min < end_ms and times.max >= start_ms):
                month = _columns(file.read_row_group(group))
                found = month.between(start_ms, end_ms)
                if len(found):
                    yield found if len(found) == len(month) else copied(found)  # a view would keep the whole month


def read_whole_file(path: Path) -> Columns:
    """All rows as they are, also where they are not in order."""
    with _opened(path) as file:
        return _columns(file.read())


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    with readable(path), pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(SCHEMA):
            problem = f"no file of a store: it has {', '.join(file.schema_arrow.names[:12])}"
            raise RecordingError(f"{path}: {problem}", problem)
        yield file


def _columns(table: pa.Table) -> Columns:
    return Columns(*(table[name].to_numpy() for name in NAMES))


def release_memory() -> None:
    """Give back what the reader of parquet keeps for the next time: a long backtest reads month after month."""
    pa.default_memory_pool().release_unused()


def content_hash(columns: Columns) -> str:
    """A hash of the values, whatever the file around them is like."""
    digest = hashlib.sha256(columns.open_ms.astype("<i8").tobytes())
    for values in columns.values:
        known = np.where(np.isnan(values), np.nan, values + 0.0)  # one kind of NaN, one kind of zero
        digest.update(known.astype("<f8").tobytes())
    return digest.hexdigest()


def years_of(open_ms: Integers) -> Integers:
    """The calendar year (UTC) of each time."""
    years: Integers = open_ms.astype("datetime64[ms]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def holes_of(open_ms: Integers, bar_ms: int) -> tuple[tuple[int, int], ...]:
    """Where bars are missing between the first and the last one, and how many."""
    steps = np.diff(open_ms)
    before = np.flatnonzero(steps > bar_ms)
    missing = zip((open_ms[before] + bar_ms).tolist(), (steps[before] // bar_ms - 1).tolist(), strict=True)
    return tuple(missing)
