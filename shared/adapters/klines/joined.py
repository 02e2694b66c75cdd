"""A store as if every pair had always had its present name: what was MATIC before its date is POL, in units of POL."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.adapters.klines.columns import Columns, concatenated
from shared.adapters.klines.store import Holes, KlineStore
from shared.adapters.klines.timeframes import bar_ms_of
from shared.domain.timeframes import MS_NS
from shared.domain.universe import Rename, Universe, exchange_symbol

_EVER_MS = 1 << 62
Windows = list[tuple[str, float, int, int]]  # symbol in the store, its ratio, from when and until when it counts


class JoinedStore:
    """Reads as ``KlineStore`` does. What is asked for, and given, are the newest names: ``POLUSDT``.

    Before the date of the rename the bars of the old name count, from it on those of the new one. Old prices are
    divided by the ratio, and volumes multiplied with it. A symbol that was never renamed is as it is.
    """

    def __init__(self, store: KlineStore, universe: Universe) -> None:
        self._store = store
        self._renames = _renames_of(universe)
        self._former = {_old(symbol, rename) for symbol, rename in self._renames.items()}

    @property
    def path(self) -> Path:
        return self._store.path

    @property
    def timeframes(self) -> tuple[str, ...]:
        return self._store.timeframes

    def spans(self, timeframe: str) -> dict[str, tuple[int, int]]:
        """The first and last open time of each pair, in milliseconds."""
        stored = self._store.spans(timeframe)
        found: dict[str, tuple[int, int]] = {}
        for symbol in self._names(stored):
            parts = [
                (max(stored[name][0], start_ms), min(stored[name][1], end_ms - 1))
                for name, _, start_ms, end_ms in self._windows(symbol)
                if name in stored
            ]
            if kept := [part for part in parts if part[0] <= part[1]]:
                found[symbol] = (kept[0][0], kept[-1][1])
        return found

    def holes(self, timeframe: str) -> Holes:
        """Where bars are missing, also those between the old and the new name."""
        bar_ms, stored, spans = bar_ms_of(timeframe), self._store.holes(timeframe), self._store.spans(timeframe)
        found: dict[str, list[tuple[int, int]]] = {}
        for symbol in self._names(spans):
            end_ms, holes = 0, []
            for name, _, from_ms, until_ms in self._windows(symbol):
                if name not in spans or spans[name][1] < from_ms or spans[name][0] >= until_ms:
                    continue
                first_ms = max(spans[name][0], from_ms)
                if end_ms and first_ms > end_ms:
                    holes.append((end_ms, (first_ms - end_ms) // bar_ms))
                holes.extend(hole for hole in stored.get(name, []) if from_ms <= hole[0] < until_ms)
                end_ms = min(spans[name][1] + bar_ms, until_ms)
            found[symbol] = holes
        return found

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        """The klines with start_ms <= open time < end_ms of each pair that has some."""
        found: dict[str, list[Columns]] = {symbol: [] for symbol in symbols}
        for symbol, name, ratio, from_ms, until_ms in self._pieces(symbols):
            first_ms, last_ms = max(start_ms, from_ms), min(end_ms, until_ms)
            if first_ms < last_ms:
                for columns in self._store.read(timeframe, {name}, first_ms, last_ms).values():
                    found[symbol].append(in_new_units(columns, ratio))
        return {symbol: concatenated(parts) for symbol, parts in found.items() if parts}

    def digest(self) -> str:
        """Of what is stored and of how it is joined."""
        renames = "".join(f"{_old(new, rename)} {new} {rename.cutover} {rename.ratio}\n" for new, rename in self._all())
        return hashlib.sha256(f"{self._store.digest()}\n{renames}".encode()).hexdigest()

    def _all(self) -> list[tuple[str, Rename]]:
        return sorted(self._renames.items())

    def _names(self, stored: Mapping[str, object]) -> list[str]:
        """The newest names of all that is stored."""
        renamed = {new for new, rename in self._renames.items() if _old(new, rename) in stored}
        return sorted((stored.keys() - self._former) | renamed)

    def _windows(self, symbol: str) -> Windows:
        rename = self._renames.get(symbol)
        if rename is None:
            return [(symbol, 1.0, -_EVER_MS, _EVER_MS)]
        cutover_ms = rename.cutover_ns // MS_NS
        old = (_old(symbol, rename), float(rename.ratio), -_EVER_MS, cutover_ms)
        return [old, (symbol, 1.0, cutover_ms, _EVER_MS)]

    def _pieces(self, symbols: set[str]) -> Iterator[tuple[str, str, float, int, int]]:
        for symbol in sorted(symbols):
            for window in self._windows(symbol):
                yield (symbol, *window)


def in_new_units(columns: Columns, ratio: float) -> Columns:
    """The same trades in units of which there are ``ratio`` for each one of before."""
    if ratio == 1.0:
        return columns
    prices = [price / ratio for price in columns.values[:4]]
    return Columns(columns.open_ms, *(*prices, columns.volume * ratio, columns.quote_volume))


def _renames_of(universe: Universe) -> dict[str, Rename]:
    """By the newest name, as the exchange writes it."""
    found = {}
    for symbol in universe.symbols:
        rename = universe.rename_of(symbol)
        if rename is not None:
            found[exchange_symbol(universe.names_of(symbol)[0])] = rename
    return found


def _old(symbol: str, rename: Rename) -> str:
    return f"{rename.old}{symbol.removeprefix(rename.new)}"
