"""A recording in one parquet file, as people bring it.

Columns: ``symbol`` (``BTCUSDT`` or ``BTC/USDT``), ``open_time`` (UTC ms), ``open``, ``high``, ``low``, ``close``,
``volume`` (base units) and perhaps ``quote_volume`` (without it: close x volume). A file that mixes bar lengths has a
column ``interval``. Every row is looked at before the first one is used.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shared.adapters.klines.checks import PRICES, Findings, RowChecks, check_unit
from shared.adapters.klines.columns import Columns, NoKlinesThenError, RecordingError
from shared.domain.timeframes import DAY_MS, kline_interval
from shared.domain.universe import exchange_symbol

NEEDED = ("symbol", "open_time", *PRICES, "volume")
QUOTE = "USDT"  # of the symbols that can be replayed
LEAST_STEPS = 10  # between bars of one symbol, that tell how long its bars are
_SYMBOL = re.compile(r"[A-Z0-9]+(/[A-Z0-9]+)?")


def _fault_of_file(path: Path, problem: str) -> RecordingError:
    """The error that names the file, then what is wrong with it."""
    return RecordingError(f"{path}: {problem}", problem)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the reader of parquet says of a file that is none, or is damaged, as ``RecordingError``."""
    if path.exists() and not path.is_file():  # a pipe would be waited for without an end
        raise _fault_of_file(path, "it is no file")
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise _fault_of_file(path, f"not a readable parquet file: {str(error).strip()}") from None


class KlineFile:
    """A file of klines that was looked through once. Raises ``RecordingError`` for one that no market can be made of.

    path: where it is.
    near_ms: of a file that mixes bar lengths, the one that most symbols have around this time is read.
    bar_ms: the usual distance between two bars, in milliseconds.
    spans: the first and last open time of each symbol, in milliseconds.
    holes: of each symbol against USDT, where bars are missing between the two, and how many.
    """

    def __init__(self, path: Path, near_ms: int) -> None:
        self.path = path
        with _readable(path):
            schema = pq.read_schema(path)
        names = schema.names
        missing = [name for name in NEEDED if name not in names]
        if missing:
            raise _fault_of_file(path, f"no column {', '.join(missing)}; expected {', '.join(NEEDED)}")
        _check_types(path, schema)
        self._columns = [*NEEDED, *(name for name in ("quote_volume",) if name in names)]
        self._where = _of_common_interval(path, near_ms) if "interval" in names else None
        self.spans: dict[str, tuple[int, int]] = {}
        self._written: dict[str, list[str]] = defaultdict(list)  # how the file writes each symbol
        self._findings = Findings()
        self.bar_ms = self._length_of_bars(self._read_times())
        self._check_rows()

    def _read_times(self) -> dict[str, Counter[int]]:
        """How far the bars of each symbol are apart; the spans are known from then on."""
        steps_of: dict[str, Counter[int]] = defaultdict(Counter)
        for part in self._parts(["symbol", "open_time"], None):
            for column in ("symbol", "open_time"):
                if missing := part[column].null_count:
                    raise _fault_of_file(self.path, f"column {column}: nothing stands in {missing:,} rows")
            opens = part["open_time"].to_numpy()
            for written, rows in _rows_of_symbols(part):
                symbol = self._symbol(written, len(rows))
                times = np.unique(opens[rows])
                check_unit(self._findings, symbol, times)
                first, last = self.spans.get(symbol, (times[0], times[-1]))
                self.spans[symbol] = (int(min(first, times[0])), int(max(last, times[-1])))
                steps, counts = np.unique(np.diff(times), return_counts=True)
                steps_of[symbol].update(dict(zip(steps.tolist(), counts.tolist(), strict=True)))
        self._raise_findings()
        return steps_of

    def _symbol(self, written: str, rows: int) -> str:
        if not _SYMBOL.fullmatch(written):
            problem = (
                f"column symbol: {written!r} in {rows:,} rows is no symbol; write it as the exchange does: BTCUSDT"
            )
            raise _fault_of_file(self.path, problem)
        symbol = exchange_symbol(written)
        if written not in self._written[symbol]:
            self._written[symbol].append(written)
        return symbol

    def _length_of_bars(self, steps_of: dict[str, Counter[int]]) -> int:
        """The usual one, which every symbol has to have."""
        lengths = sum(steps_of.values(), Counter[int]())
        if not lengths:
            raise _fault_of_file(self.path, "no two klines of one symbol, so it does not tell how long a bar is")
        bar_ms = lengths.most_common(1)[0][0]
        try:
            kline_interval(bar_ms)
        except ValueError as error:
            raise _fault_of_file(self.path, f"column open_time: {error}") from None
        for symbol, steps in steps_of.items():
            usual_ms = steps.most_common(1)[0][0] if steps.total() >= LEAST_STEPS else bar_ms
            if usual_ms != bar_ms:
                problem = f"{symbol} has bars {usual_ms:,} ms apart, where the others are {bar_ms:,} ms apart"
                raise _fault_of_file(self.path, f"column open_time: {problem}; all bars of a file have one length")
        return bar_ms

    def _check_rows(self) -> None:
        """Every row of every symbol that can be replayed."""
        checks = RowChecks(self._findings, self.bar_ms, self.spans)
        for part in self._parts(self._columns, None):
            columns = {name: part[name].to_numpy() for name in self._columns[1:]}
            for written, rows in _rows_of_symbols(part):
                if written.endswith(QUOTE):
                    checks.take(exchange_symbol(written), {name: values[rows] for name, values in columns.items()})
        pa.default_memory_pool().release_unused()
        self._raise_findings()
        self.holes = checks.holes()

    def _raise_findings(self) -> None:
        if found := str(self._findings):
            raise _fault_of_file(self.path, found)

    def read(self, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        """The klines with start_ms <= open time < end_ms of each symbol that has some."""
        where = (pc.field("open_time") >= start_ms) & (pc.field("open_time") < end_ms)
        where &= pc.field("symbol").isin([written for symbol in sorted(symbols) for written in self._written[symbol]])
        found: dict[str, list[list[npt.NDArray[Any]]]] = {}
        for part in self._parts(self._columns, where):
            columns = [part[name].to_numpy() for name in self._columns[1:]]
            for written, rows in _rows_of_symbols(part):
                found.setdefault(exchange_symbol(written), []).append([column[rows] for column in columns])
        pa.default_memory_pool().release_unused()
        return {symbol: self._merged(parts) for symbol, parts in found.items()}

    def _merged(self, parts: list[list[npt.NDArray[Any]]]) -> Columns:
        """The parts of one symbol, in order of time, each time once."""
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        open_ms, at = np.unique(columns[0].astype(np.int64), return_index=True)
        values = dict(zip(self._columns[2:], (column[at].astype(np.float64) for column in columns[1:]), strict=True))
        values.setdefault("quote_volume", np.full(len(open_ms), np.nan))
        return Columns(open_ms, **values).filled()

    def _parts(self, columns: list[str], where: pc.Expression | None) -> Iterator[pa.Table]:
        """The rows that fit, one row group at a time: a long recording never stands in memory whole."""
        where = where if self._where is None else self._where if where is None else where & self._where
        needed = columns if self._where is None else [*columns, "interval"]
        with _readable(self.path):
            opened = pq.ParquetFile(self.path, read_dictionary=["symbol"])
        with opened as file:
            for group in range(file.num_row_groups):
                with _readable(self.path):
                    table = file.read_row_group(group, columns=needed)
                yield (table if where is None else table.filter(where)).select(columns)


def _check_types(path: Path, schema: pa.Schema) -> None:
    """Raises ``RecordingError`` for columns that hold something else than what is worked with."""
    for name in (*NEEDED, *(name for name in ("quote_volume",) if name in schema.names)):
        kind = schema.field(name).type
        text = kind.value_type if pa.types.is_dictionary(kind) else kind
        match name:
            case "symbol":
                fits, wanted = pa.types.is_string(text) or pa.types.is_large_string(text), "text"
            case "open_time":
                fits = pa.types.is_integer(kind) and kind.bit_width == 64  # fewer hold no milliseconds since 1970
                wanted = "whole numbers of 64 bits, milliseconds since 1970 (UTC)"
            case "quote_volume" if pa.types.is_null(kind):
                fits, wanted = True, ""
            case _:
                fits, wanted = pa.types.is_floating(kind) or pa.types.is_integer(kind), "numbers"
        if not fits:
            raise _fault_of_file(path, f"column {name} holds {kind}; expected {wanted}")


def _rows_of_symbols(part: pa.Table) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """Which rows belong to which symbol."""
    for chunk, first in _chunks(part["symbol"]):
        codes = chunk.indices.to_numpy()
        for code in np.unique(codes):
            yield str(chunk.dictionary[int(code)]), np.flatnonzero(codes == code) + first


def _chunks(column: Any) -> Iterator[tuple[Any, int]]:
    """The dictionary-encoded chunks of a column, with the row at which each begins."""
    first = 0
    for chunk in column.chunks:
        yield chunk, first
        first += len(chunk)


def _of_common_interval(path: Path, near_ms: int) -> pc.Expression:
    near = (pc.field("open_time") >= near_ms - DAY_MS) & (pc.field("open_time") < near_ms + DAY_MS)
    with _readable(path):
        table = pq.read_table(path, columns=["symbol", "interval"], filters=near)
    rows: list[dict[str, Any]] = table.group_by("interval").aggregate([("symbol", "count_distinct")]).to_pylist()
    if not rows:
        none = f"no klines around {np.datetime64(near_ms, 'ms')}"
        raise NoKlinesThenError(f"{path}: {none}", none)
    chosen = max(rows, key=lambda row: (row["symbol_count_distinct"], row["interval"]))["interval"]
    where: pc.Expression = pc.field("interval") == chosen
    return where
