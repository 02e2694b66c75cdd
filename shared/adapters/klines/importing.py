"""Brings files of klines into a store. Every row is looked at, every fault is named; all of it counts, or nothing."""

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from shared.adapters.klines.columns import RecordingError
from shared.adapters.klines.formats.base import SPOT, UM_FUTURES, Format, Loaded, Named, Part
from shared.adapters.klines.formats.file_names import kind_of_other_klines, named_by
from shared.adapters.klines.formats.registry import IN_WORDS, format_of
from shared.adapters.klines.formats.tables import bars_of
from shared.adapters.klines.joined import in_new_units
from shared.adapters.klines.manifest import NAME as MANIFEST
from shared.adapters.klines.manifest import Source
from shared.adapters.klines.merging import OnConflict
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.store_writer import StoreWriter, Written
from shared.adapters.whole_files import hash_of

MOST_FAULTS = 20  # that are told of
OF_MARKET = "bars of the market "  # what was left out, before the market's name
MARKETS = {"binance": SPOT, "binanceusdm": UM_FUTURES}  # which market's klines a store is of
_UNIT = re.compile(r"(?P<of>[A-Z0-9_]+)=(?P<as>[A-Z0-9_]+):(?P<ratio>\d+(\.\d+)?)")
OnFile = Callable[[int, int, Path], None]


class OtherUnit(NamedTuple):
    """A symbol is stored under another name. ratio: units of that name in one of the file's."""

    symbol: str
    ratio: float


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How files are understood.

    markets: rows of which markets are taken, of files that say it; none for all of them.
    symbol, timeframe: of files that say neither by name nor by column.
    units: by a file's symbol, how it is stored: 1000SHIBUSDT as SHIBUSDT.
    on_conflict: whose bar counts where the store has another one.
    """

    markets: frozenset[str] = frozenset()
    symbol: str = ""
    timeframe: str = ""
    units: dict[str, OtherUnit] = field(default_factory=dict)
    on_conflict: OnConflict = "refuse"


@dataclass(slots=True)
class Imported:
    """What an import did.

    files: how many were read. unchecked: archives among them that had no hash beside them.
    written: bars by timeframe and symbol.
    left_out: what was passed over, by reason, with the number of bars or files.
    """

    files: int = 0
    unchecked: int = 0
    written: dict[tuple[str, str], Written] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class ImportFaults(RecordingError):  # noqa: N818 - it has many
    """Files that were refused; nothing was written."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        shown = "\n".join(f"  {fault}" for fault in faults[:MOST_FAULTS])
        more = f"\n  and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        count = f"{len(faults)} fault{'s' * (len(faults) != 1)}"
        super().__init__(f"{count}, so nothing was written:\n{shown}{more}")


def markets_of(exchange: str, asked: Sequence[str]) -> frozenset[str]:
    """Which markets' rows count: those that were asked for, or else the one that the exchange has. ``any``: all."""
    if "any" in asked:
        return frozenset()
    return frozenset(asked or filter(None, [MARKETS.get(exchange, "")]))


def units_of(asked: Sequence[str]) -> dict[str, OtherUnit]:
    """``1000SHIBUSDT=SHIBUSDT:1000``: one of the first is a thousand of the second. Raises ``RecordingError``."""
    found = {}
    for text in asked:
        match = _UNIT.fullmatch(text)
        if match is None or not float(match["ratio"]) > 0:
            raise RecordingError(f"--unit {text!r}: write it like 1000SHIBUSDT=SHIBUSDT:1000")
        found[match["of"]] = OtherUnit(match["as"], float(match["ratio"]))
    return found


def import_files(
    store: KlineStore, paths: Sequence[Path], options: ImportOptions, on_file: OnFile = lambda *_: None
) -> Imported:
    """Bring files, and all files in folders, into the store.

    on_file: hears how many files are done, of how many, and which one is next. Raises ``ImportFaults``.
    """
    done, faults = Imported(), list[str]()
    files = sorted(_files(paths, done, faults), key=_order)
    with store.writing() as writer:
        for number, path in enumerate(files):
            on_file(number, len(files), path)
            try:
                _import_file(writer, path, options, done)
            except ValueError as error:
                faults.append(f"{path.name}: {error}")
        if not faults and not any(written.added + written.same for written in done.written.values()):
            faults.append(_nothing(done))
        if faults:
            raise ImportFaults(faults)
    on_file(len(files), len(files), Path())
    return done


def _files(paths: Sequence[Path], done: Imported, faults: list[str]) -> Iterator[Path]:
    """What of the paths can be imported. In a folder other files may lie; a file that was named is meant."""
    for path in paths:
        if path.is_dir():
            yield from _files_in(path, done)
        elif not path.is_file():
            faults.append(f"{path}: no such file or folder")
        elif format_of(path) is None:
            faults.append(f"{path}: no known format; known are {IN_WORDS}")
        else:
            yield path


def _files_in(folder: Path, done: Imported) -> Iterator[Path]:
    stores = {manifest.parent for manifest in folder.rglob(MANIFEST)}
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.name.startswith(".") or file.suffix == ".CHECKSUM":
            continue
        if not stores.isdisjoint(file.parents):
            done.left_out["files of a store"] += file.name != MANIFEST
        elif format_of(file) is None:
            done.left_out["files of no known format"] += 1
        else:
            yield file


def _order(path: Path) -> tuple[str, str, str]:
    """By symbol and timeframe, so that a year of one is written once."""
    named = named_by(path)
    return named.symbol, named.timeframe, path.name


def _import_file(writer: StoreWriter, path: Path, options: ImportOptions, done: Imported) -> None:
    reader = format_of(path)
    if reader is None:
        return
    if kind := kind_of_other_klines(path):
        done.left_out[f"files of {kind} prices, which are no trades"] += 1
        return
    done.files += 1
    said = named_by(path)
    named = Named(said.symbol or options.symbol, said.timeframe or options.timeframe, said.market)
    with _readable():
        sha256 = hash_of(path)
    unchecked = False
    for table, checked in _pieces(reader, path):
        unchecked = unchecked or (checked is None and path.suffix == ".zip")
        for part in bars_of(table, named):
            if options.markets and part.market and part.market not in options.markets:
                done.left_out[f"{OF_MARKET}{part.market}"] += len(part.columns)
            elif part.timeframe == "1M":
                done.left_out["bars of months, which have no fixed length"] += len(part.columns)
            else:
                _write(writer, part, Source(name=path.name, sha256=sha256), options, done)
    done.unchecked += unchecked


@contextmanager
def _readable() -> Iterator[None]:
    """What a library says of a broken file, whatever kind of error that is, as a fault of the file."""
    try:
        yield
    except (OSError, EOFError, zlib.error, ArithmeticError, RuntimeError, pa.ArrowException) as error:
        raise RecordingError(f"it cannot be read: {str(error).strip()[:200]}") from None


def _pieces(reader: Format, path: Path) -> Iterator[Loaded]:
    with _readable():
        yield from reader.load(path)


def _write(writer: StoreWriter, part: Part, source: Source, options: ImportOptions, done: Imported) -> None:
    symbol, columns, note = part.symbol, part.columns, ""
    if unit := options.units.get(symbol):
        symbol, columns = unit.symbol, in_new_units(columns, unit.ratio)
        note = f"{part.symbol} in units of {unit.symbol}, {unit.ratio:g} for each"
    if part.market and part.market != SPOT:
        note = "; ".join(filter(None, (part.market, note)))
    source = Source(name=source.name, sha256=source.sha256, note=note)
    key = part.timeframe, symbol
    written = writer.write(part.timeframe, symbol, columns, source, options.on_conflict)
    done.written[key] = done.written.get(key, Written()) + written


def _nothing(done: Imported) -> str:
    left = "; ".join(f"{count:,} {what}" for what, count in done.left_out.items())
    if not left:
        return "there is nothing to import in it"
    told = f"nothing is left to import: left out were {left}"
    markets = [what.removeprefix(OF_MARKET) for what in done.left_out if what.startswith(OF_MARKET)]
    if not markets:
        return f"{told}; known are {IN_WORDS}"
    futures = "; futures have a store of their own, --exchange binanceusdm" if "um_futures" in markets else ""
    return f"{told}. To take them: {' '.join(f'--market {market}' for market in markets)}{futures}"
