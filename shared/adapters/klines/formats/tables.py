"""From a table with columns by name to bars of each symbol."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shared.adapters.klines.checks import PRICES
from shared.adapters.klines.columns import Columns, Integers, RecordingError
from shared.adapters.klines.formats.base import Named, Part
from shared.adapters.klines.timeframes import STORED
from shared.domain.universe import exchange_symbol

Column = Any  # pyarrow's ChunkedArray, of whose type its stubs know too little
# How columns are called, ours first. Case, spaces and underscores do not count.
CALLED = {
    "open_time": ("opentime", "date", "timestamp", "datetime", "time", "opentimems", "ts"),
    **{name: (name, name[0]) for name in PRICES},
    "volume": ("volume", "v", "vol", "basevolume"),
    "quote_volume": ("quotevolume", "quoteassetvolume", "qav", "q"),
    "close_time": ("closetime",),
    "symbol": ("symbol", "pair"),
    "timeframe": ("interval", "timeframe"),
    "market": ("market",),
    "estimated": ("quotevolumeest",),
}
NEEDED = ("open_time", *PRICES)
SHORT_ROW = ("open_time", *PRICES, "volume")  # of ccxt
LONG_ROW = (*SHORT_ROW, "close_time", "quote_volume", "trades", "taker_volume", "taker_quote_volume", "unused")
# Which unit a time is in shows in how large it is: of every unit, the least that is after 1973. Less are seconds.
UNITS = ((1e17, 1_000_000), (1e14, 1_000), (1e11, 1))


def names_of_row(width: int) -> tuple[str, ...]:
    """The columns of rows that do not say theirs, as ccxt and Binance have them; ``RecordingError`` for others."""
    if width == len(SHORT_ROW):
        return SHORT_ROW
    if width == len(LONG_ROW):
        return LONG_ROW
    problem = f"rows of {width} columns without a line of names"
    raise RecordingError(f"{problem}; expected {len(SHORT_ROW)} ({', '.join(SHORT_ROW)}) or Binance's {len(LONG_ROW)}")


def bars_of(table: pa.Table, named: Named) -> Iterator[Part]:
    """The bars in a table, by symbol, timeframe and market. What a column says counts before what the name says.

    Raises ``RecordingError`` with what is missing or cannot be read.
    """
    found: dict[str, Column] = {ours: table[name] for ours, name in known_columns(table.column_names).items()}
    if missing := [name for name in NEEDED if name not in found]:
        problem = f"no column {', '.join(missing)}; it has {', '.join(table.column_names[:12])}"
        raise RecordingError(problem)
    opens = times_in_ms(found["open_time"])
    values = {name: _numbers(found[name], name) for name in (*PRICES, "volume", "quote_volume") if name in found}
    unknown = np.full(len(opens), np.nan)
    quote = values.get("quote_volume", unknown)
    if "estimated" in found:  # somebody's close x volume; the store makes that itself, and knows that it did
        quote = np.where(np.asarray(found["estimated"].fill_null(True)), np.nan, quote)
    volumes = values.get("volume", unknown), quote
    every = Columns(opens, *(*(values[name] for name in PRICES), *volumes))
    for rows, symbol, timeframe, market in _groups(found, named, len(opens)):
        columns = every.at(rows)
        columns = columns.at(np.argsort(columns.open_ms, kind="stable"))
        timeframe = timeframe or length_of_bars(columns.open_ms)  # noqa: PLW2901
        _check_ends(found, rows, opens, timeframe)
        yield Part(exchange_symbol(symbol), timeframe, market, columns)


def times_in_ms(column: Column) -> Integers:
    """Open times in milliseconds, out of numbers in any unit, timestamps or dates."""
    if column.null_count:
        raise RecordingError(f"column {NEEDED[0]}: nothing stands in {column.null_count:,} rows")
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        try:
            return np.asarray(column.cast(pa.timestamp("ms", getattr(kind, "tz", None))).cast(pa.int64()))
        except pa.ArrowException as error:
            raise RecordingError(f"column {NEEDED[0]}: not whole milliseconds ({error})") from None
    if pa.types.is_floating(kind):
        column = _or_fault(lambda: column.cast(pa.int64()), f"column {NEEDED[0]}: not whole numbers")
    elif not pa.types.is_integer(kind):
        column = _or_fault(lambda: column.cast(pa.int64()), f"column {NEEDED[0]}: {column[0]} is no time")
    numbers = np.asarray(column.cast(pa.int64()))
    per_ms = np.select([numbers >= least for least, _ in UNITS], [each for _, each in UNITS], default=0)
    divisor = np.maximum(per_ms, 1)
    if (off := numbers % divisor != 0).any():
        raise RecordingError(f"column {NEEDED[0]}: {numbers[off][0]} and others are not on a grid of milliseconds")
    times: Integers = np.where(per_ms == 0, numbers * 1_000, numbers // divisor)
    return times


def length_of_bars(open_ms: Integers) -> str:
    """The timeframe that bars have by their usual distance. Raises ``RecordingError`` where that is none."""
    steps = Counter(np.diff(open_ms).tolist())
    usual_ms = steps.most_common(1)[0][0] if steps else 0
    for name, length_ms in STORED.items():
        if length_ms == usual_ms:
            return name
    apart = f"bars are {usual_ms:,} ms apart" if steps else "there is one bar only"
    raise RecordingError(f"neither its name nor a column tells its timeframe, and {apart}; give it with --timeframe")


def known_columns(names: Iterable[str]) -> dict[str, str]:
    """Of those columns that can be used, ours by theirs."""
    there: dict[str, str] = {}
    for name in names:
        there.setdefault(name.lower().replace(" ", "").replace("_", ""), name)
    found = {ours: next((there[name] for name in called if name in there), "") for ours, called in CALLED.items()}
    return {ours: name for ours, name in found.items() if name}


def _groups(found: dict[str, Column], named: Named, rows: int) -> Iterator[tuple[npt.NDArray[np.intp], str, str, str]]:
    """The rows of each symbol, timeframe and market."""
    if not rows:
        return
    if "symbol" not in found and not named.symbol:
        raise RecordingError("neither its name nor a column tells its pair; give it with --symbol BTCUSDT")
    given = {"symbol": named.symbol, "timeframe": named.timeframe, "market": named.market}
    codes, texts = np.zeros(rows, dtype=np.int64), []
    for name, otherwise in given.items():
        if name in found:
            encoded = found[name].cast(pa.string()).combine_chunks().dictionary_encode()
            if encoded.null_count:
                raise RecordingError(f"column {name}: nothing stands in {encoded.null_count:,} rows")
            texts.append(encoded.dictionary.to_pylist())
            codes = codes * len(texts[-1]) + np.asarray(encoded.indices)
        else:
            texts.append([otherwise])
    order = np.argsort(codes, kind="stable")
    for at in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        code, words = int(codes[at[0]]), []
        for choices in reversed(texts):
            code, place = divmod(code, len(choices))
            words.append(str(choices[place]))
        market, timeframe, symbol = words
        yield at, symbol, timeframe, market


def _numbers(column: Column, name: str) -> npt.NDArray[np.float64]:
    def cast() -> Any:
        return np.asarray(column.cast(pa.float64()).fill_null(float("nan")), dtype=np.float64)

    numbers: npt.NDArray[np.float64] = _or_fault(cast, f"column {name} holds {column.type}; expected numbers")
    return numbers


def _check_ends(found: dict[str, Column], rows: npt.NDArray[np.intp], opens: Integers, timeframe: str) -> None:
    """Where a file says when each bar closed, that is the last moment of the timeframe."""
    if "close_time" not in found or timeframe not in STORED:
        return
    ends = np.asarray(found["close_time"].cast(pa.int64()).fill_null(0))[rows]
    ends = np.where(ends >= UNITS[1][0], ends // UNITS[1][1], ends)
    wrong = ends != opens[rows] + STORED[timeframe] - 1
    if wrong.any():
        at = rows[int(np.argmax(wrong))]
        problem = f"column close_time: the bar that opened at {opens[at]} ends at {ends[int(np.argmax(wrong))]}"
        raise RecordingError(f"{problem}, which no {timeframe} bar does ({int(wrong.sum()):,} rows)")


def _or_fault(cast: Callable[[], Any], problem: str) -> Any:
    try:
        return cast()
    except (pa.ArrowException, ValueError):
        raise RecordingError(problem) from None
