"""The writing side of the store: new files are laid beside the old ones, and the manifest puts them in their place."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from shared.adapters.klines.checks import Findings, RowChecks, check_unit
from shared.adapters.klines.columns import Columns, RecordingError, concatenated
from shared.adapters.klines.manifest import (
    Source,
    YearFile,
    load_manifest,
    parts_of,
    path_of,
    save_manifest,
)
from shared.adapters.klines.merging import Merged, OnConflict, merge
from shared.adapters.klines.timeframes import bar_ms_of
from shared.adapters.klines.year_file import NAMES, content_hash, holes_of, read_file, write_file, years_of
from shared.adapters.whole_files import NEW, flush, hash_of, locked

_SYMBOL = re.compile(r"[A-Z0-9_]{2,40}")
_EVER_MS = 1 << 62
_UNWRITTEN = YearFile(sha256="", content="", rows=0, first_ms=0, last_ms=0)


class Written(NamedTuple):
    """Bars that were not there before, that are other than before, and that were there already."""

    added: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: tuple[int, ...]) -> "Written":  # type: ignore[override]
        return Written(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def writing_lock(store: Path) -> AbstractContextManager[object]:
    """Be the one who writes while the block lasts. Raises ``RecordingError``."""
    taken = RecordingError(f"{store}: another heatsink is writing to it; wait until it is done")
    return locked(store / ".lock", taken)


@dataclass(slots=True)
class _Year:
    """A year of one symbol that is being added to."""

    name: str
    columns: Columns | None
    sources: tuple[Source, ...]
    changed: bool = False


class StoreWriter:
    """Takes bars for one commit. It must hold the lock.

    The year that was added to last stays in memory until another one is: months that come in order cost one file.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._manifest = load_manifest(store)
        self._new: dict[str, YearFile] = {}
        self._open: _Year | None = None
        self._recover()

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Commit at the end of the block; after an error in it, leave the store as it was."""
        try:
            yield
            self._put_away()
        except BaseException:
            for name in self._new:
                self._place(name, new=True).unlink(missing_ok=True)
            raise
        self._commit()

    def write(
        self, timeframe: str, symbol: str, columns: Columns, source: Source, on_conflict: OnConflict = "refuse"
    ) -> Written:
        """Add bars of one symbol to those that are there.

        columns: in order of time; NaN where a volume is unknown. on_conflict: whose bar counts where two differ.
        Raises ``RecordingError`` that names the first bar that cannot be, or that the store has otherwise.
        """
        check_bars(timeframe, symbol, columns)
        written = Written()
        years = years_of(columns.open_ms)
        for year in np.unique(years).tolist():
            place = self._year(path_of(timeframe, symbol, year))
            written += _add(place, columns.at(years == year), source, on_conflict, f"{symbol} {timeframe}")
        return written

    def _year(self, name: str) -> _Year:
        if self._open is not None and self._open.name == name:
            return self._open
        self._put_away()
        entry = self._new.get(name) or self._manifest.files.get(name)
        if entry is None:
            self._open = _Year(name, None, ())
        else:
            self._open = _Year(name, self._current(name, entry), entry.sources)
        return self._open

    def _current(self, name: str, entry: YearFile) -> Columns:
        place = self._place(name, new=name in self._new)
        if not place.is_file() or hash_of(place) != entry.sha256:
            raise RecordingError(f"{place}: it is not the file that the manifest names; heatsink data verify says more")
        return concatenated(list(read_file(place, 0, _EVER_MS)))

    def _put_away(self) -> None:
        """Write the open year to its new file."""
        year, self._open = self._open, None
        if year is None or year.columns is None or not year.changed:
            return
        place = self._place(year.name, new=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        self._new[year.name] = _UNWRITTEN  # so that an error removes what there is of it
        write_file(place, year.columns)
        flush(place)
        bar_ms = bar_ms_of(parts_of(year.name)[0])
        self._new[year.name] = describe(hash_of(place), year.columns, bar_ms, year.sources)

    def _commit(self) -> None:
        """From the moment at which the manifest is replaced the new files count."""
        if not self._new:
            return
        save_manifest(self._store, msgspec.structs.replace(self._manifest, files=self._manifest.files | self._new))
        for name in self._new:
            self._place(name, new=True).replace(self._place(name))

    def _recover(self) -> None:
        """Put files in their place that the manifest names, and remove the rest: their writer was killed."""
        for place in self._store.glob(f"timeframe=*/symbol=*/*{NEW}"):
            target = place.with_name(place.name.removesuffix(NEW))
            entry = self._manifest.files.get(target.relative_to(self._store).as_posix())
            if entry is not None and hash_of(place) == entry.sha256:
                place.replace(target)
            else:
                place.unlink()

    def _place(self, name: str, *, new: bool = False) -> Path:
        return self._store / (name + NEW if new else name)


def _add(year: _Year, new: Columns, source: Source, on_conflict: OnConflict, what: str) -> Written:
    merged = Merged(new, len(new), 0) if year.columns is None else merge(year.columns, new, on_conflict, what)
    if rows := merged.added + merged.changed:
        year.columns, year.changed = merged.columns, True
        year.sources = _with(year.sources, source, rows)
    return Written(merged.added, merged.changed, len(new) - rows)


def check_bars(timeframe: str, symbol: str, columns: Columns) -> None:
    """Everything that a bar must be like. Raises ``RecordingError`` that names column, value, symbol, time, number."""
    bar_ms = bar_ms_of(timeframe)
    if not _SYMBOL.fullmatch(symbol):
        raise RecordingError(f"{symbol!r} is no symbol; it is written as the exchange does: BTCUSDT")
    if not len(columns):
        raise RecordingError(f"{symbol} {timeframe}: there is no bar in it")
    findings = Findings()
    times = columns.open_ms
    check_unit(findings, symbol, times)
    if not str(findings):
        span = int(times.min()), int(times.max())
        rows = dict(zip(NAMES, (times, *columns.values), strict=True))
        RowChecks(findings, bar_ms, {symbol: span}).take(symbol, rows)
    if problem := str(findings):
        raise RecordingError(f"{symbol} {timeframe}: {problem}", problem)
    if (np.diff(times) <= 0).any():
        raise RecordingError(f"{symbol} {timeframe}: the bars are not in order of time")


def describe(sha256: str, columns: Columns, bar_ms: int, sources: tuple[Source, ...] = ()) -> YearFile:
    """What the manifest says of a file with these bars."""
    return YearFile(
        sha256=sha256,
        content=content_hash(columns),
        rows=len(columns),
        first_ms=int(columns.open_ms[0]),
        last_ms=int(columns.open_ms[-1]),
        holes=holes_of(columns.open_ms, bar_ms),
        unknown_quote_volume=int(np.isnan(columns.quote_volume).sum()),
        sources=sources,
    )


def _with(sources: tuple[Source, ...], source: Source, rows: int) -> tuple[Source, ...]:
    """The sources and one more; what comes from one place again is added to it."""
    known = next((known for known in sources if msgspec.structs.replace(source, rows=known.rows) == known), None)
    if known is None:
        return (*sources, msgspec.structs.replace(source, rows=rows))
    return tuple(msgspec.structs.replace(one, rows=one.rows + rows) if one is known else one for one in sources)
