"""Rows that no exchange should send, on demand: of REST and of streams, with a field changed or missing."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.exchange_sim.faults import ActiveFaults, Fault

Spoil = Callable[[Any, str], Any]  # a row and its symbol to the row that goes out


def spoil(row: Any, place: str, symbol: str, faults: ActiveFaults, now_steady_ns: int) -> Any:
    """The row as it goes out, after all faults that befall it. place: its stream, or its path."""
    for one in faults.row_faults(place, symbol, now_steady_ns):
        changed = spoiled(row, one.fault)
        if changed is not row and faults.strikes(one):
            row = changed
    return row


def spoiled(row: Any, fault: Fault) -> Any:
    """The row as the fault wants it; the row itself when it has no such field."""
    return _changed(row, fault.field.split(".") if fault.field else [], fault.value)


def _changed(row: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    key = _key_of(row, path[0])
    if key is None:
        return row
    inside = _changed(row[key], path[1:], value)
    if inside is row[key]:
        return row
    changed = row.copy()
    if inside is msgspec.UNSET:
        del changed[key]
    else:
        changed[key] = inside
    return changed


def _key_of(row: Any, name: str) -> Any:
    """Where a field stands: by its name, by its place in a list, or, of filters, by the filter's name."""
    if isinstance(row, dict):
        return name if name in row else None
    if not isinstance(row, list):
        return None
    if name.isdecimal():
        return int(name) if int(name) < len(row) else None
    return next((i for i, one in enumerate(row) if isinstance(one, dict) and one.get("filterType") == name), None)


def spoiled_answer(path: str, query: Mapping[str, str], body: Any, spoil_row: Spoil) -> Any:
    """An answer of REST, row by row. path: without what comes before the endpoint's name."""
    if path == "exchangeInfo":
        return {**body, "symbols": [spoil_row(row, row["symbol"]) for row in body["symbols"]]}
    if path in ("klines", "uiKlines"):
        return [spoil_row(row, query.get("symbol", "")) for row in body]
    if path == "ticker/bookTicker" and isinstance(body, list):
        return [spoil_row(row, row["symbol"]) for row in body]
    return spoil_row(body, query.get("symbol", ""))
