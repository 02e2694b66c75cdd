"""Files of positions that were opened elsewhere: CSV with a line of names at its head, or JSON.

    pair,quantity,cost,stop            {"cash": "12000.50",
    BTC/USDT,0.5,61250,57000            "positions": [{"pair": "ETH", "quantity": "2.5", "cost": "3100"}]}
    cash,12000.50,,

Every fault of a file is told at once, with its place, the value, and what to write instead.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from shared.application.errors import UserError
from shared.application.pairs import UnknownPairError, symbol_of
from shared.config.faults import did_you_mean
from shared.config.model import Settings
from shared.messages.base import AMOUNT_BELOW, AMOUNT_DIGITS, AMOUNT_FROM
from shared.messages.control import MOST_IMPORTED, PositionToImport

MOST_BYTES = 1_000_000
MOST_FAULTS = 20  # told of one file
CASH = "cash"
# How other programs call what is meant here.
NAMES: Mapping[str, tuple[str, ...]] = {
    "pair": ("pair", "symbol", "market"),
    "quantity": ("quantity", "qty", "amount"),
    "cost": ("cost", "average_cost", "avg_cost", "entry_price", "average_price"),
    "stop": ("stop", "stop_price", "stop_loss"),
}
FIELD_OF = {name: field for field, names in NAMES.items() for name in names}
Row = tuple[str, Mapping[str, str]]  # where it stands, and its fields as text


class PositionFileError(UserError):
    """What is wrong with a file of positions, a line for each fault."""


class _OddError(Exception):
    """What is wrong at one place, in words."""


@dataclass(frozen=True, slots=True)
class PositionFile:
    """cash: USDT beside the positions; None where the file names none."""

    positions: tuple[PositionToImport, ...]
    cash: Decimal | None


def read_positions(path: Path, settings: Settings) -> PositionFile:
    """The positions of a file. Raises ``PositionFileError``."""
    text = _text_of(path)
    is_json = path.suffix.lower() == ".json" or text.lstrip()[:1] in ("{", "[")
    try:
        rows = list(_json_rows(text) if is_json else _csv_rows(text))
    except _OddError as error:
        raise PositionFileError(f"{path}: {error}") from None
    return _checked(path, rows, settings)


def _text_of(path: Path) -> str:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise PositionFileError(f"{path}: it cannot be read ({(error.strerror or str(error)).lower()})") from None
    if len(body) > MOST_BYTES:
        raise PositionFileError(
            f"{path}: {len(body):,} bytes are no list of positions; at most {MOST_BYTES:,} are read"
        )
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PositionFileError(f"{path}: it is no text in UTF-8; save it as CSV or JSON") from None


# --- rows -------------------------------------------------------------------------------------------------------------


def _csv_rows(text: str) -> Iterator[Row]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise _OddError("it is empty; its first line names the columns: pair,quantity,cost,stop")
    delimiter = max(",;\t", key=lines[0].count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    fields: list[str] = []
    try:
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if not fields:
                fields = [_field(name) for name in values]
                _check_fields(fields)
                continue
            if len(values) > len(fields):
                more = f"{len(values)} values under {len(fields)} columns"
                raise _OddError(f"line {reader.line_num}: {more}; write 1500.25 for one thousand five hundred")
            yield f"line {reader.line_num}", dict(zip(fields, map(str.strip, values), strict=False))
    except csv.Error as error:
        raise _OddError(f"line {reader.line_num}: {error}") from None


def _check_fields(fields: list[str]) -> None:
    for needed in ("pair", "quantity"):
        if needed not in fields:
            raise _OddError(f"line 1: no column {needed}; name the columns: pair,quantity,cost,stop")
    for field in fields:
        if fields.count(field) > 1:
            raise _OddError(f"line 1: two columns mean {field}; leave one of them out")


def _field(name: str) -> str:
    """Which field is meant. An unknown one is no matter to pass over: it may be a stop with a slip in its name."""
    plain = name.strip().lower().replace(" ", "_")
    if plain not in FIELD_OF:
        near = did_you_mean(plain, list(FIELD_OF))
        raise _OddError(f"{name.strip()!r} is none of pair, quantity, cost, stop; leave it out. {near}".rstrip())
    return FIELD_OF[plain]


def _json_rows(text: str) -> Iterator[Row]:
    try:
        found: Any = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
    except RecursionError:
        raise _OddError("it is no list of positions") from None
    except json.JSONDecodeError as error:
        raise _OddError(f"it is no JSON: line {error.lineno}: {error.msg}") from None
    if isinstance(found, dict):
        for name in found:
            if name not in (CASH, "positions"):
                raise _OddError(f"{name!r} is none of cash, positions; leave it out")
        if (cash := found.get(CASH)) is not None:
            yield CASH, {"pair": CASH, "quantity": _text(cash)}
        found = found.get("positions", [])
    if not isinstance(found, list):
        raise _OddError('it is no list of positions; write [{"pair": "BTC/USDT", "quantity": "0.5"}]')
    for number, each in enumerate(found, start=1):
        if not isinstance(each, dict):
            raise _OddError(f"position {number} is no object with pair and quantity")
        yield f"position {number}", {_field(name): _text(value) for name, value in each.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that comes twice would silently lose a value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise _OddError(f"{twice!r} stands twice in one object; leave one of them out")
    return found


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _OddError(f"{value!r:.80} is no amount and no pair")
    return value.strip()


# --- fields -----------------------------------------------------------------------------------------------------------


def _checked(path: Path, rows: list[Row], settings: Settings) -> PositionFile:
    positions: list[PositionToImport] = []
    cash: list[Decimal] = []
    faults: list[str] = []
    for place, row in rows:
        try:
            if row.get("pair", "").lower() in (CASH, "usdt"):
                cash.append(_cash(row))
            else:
                positions.append(_position(row, settings))
        except (_OddError, UnknownPairError) as error:
            faults.append(f"{path}: {place}: {error}")
    if len(cash) > 1:
        faults.append(f"{path}: cash stands there {len(cash)} times; leave one of them")
    if len(positions) > MOST_IMPORTED:
        most = f"at most {MOST_IMPORTED} are taken at once; make several files of it"
        faults.append(f"{path}: {len(positions)} positions, and {most}")
    if not rows:
        faults.append(f"{path}: it names no position and no cash")
    if faults:
        more = len(faults) - MOST_FAULTS
        raise PositionFileError("\n".join([*faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]))
    return PositionFile(tuple(positions), cash[0] if cash else None)


def _cash(row: Mapping[str, str]) -> Decimal:
    for field in ("cost", "stop"):
        if row.get(field):
            raise _OddError(f"{field} {row[field]} of cash; leave it out")
    cash = _amount("quantity", row.get("quantity", ""))
    if cash is None:
        raise _OddError("cash without an amount; write how many USDT there are")
    return cash


def _position(row: Mapping[str, str], settings: Settings) -> PositionToImport:
    if not row.get("pair"):
        raise _OddError("pair is missing; write BTC/USDT")
    quantity = _amount("quantity", row.get("quantity", ""))
    if quantity is None:
        raise _OddError("quantity is missing; write how many units are held")
    return PositionToImport(
        symbol=symbol_of(settings, row["pair"]),
        quantity=quantity,
        cost=_amount("cost", row.get("cost", "")),
        stop=_amount("stop", row.get("stop", "")),
    )


def _amount(field: str, text: str) -> Decimal | None:
    """The amount, exactly as it is written; None where nothing is. Raises ``_OddError``."""
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or "_" in text:
        raise _OddError(f"{field} {text!r:.60} is no amount; write it like 1500.25")
    places = value.normalize().as_tuple()
    if len(places.digits) > AMOUNT_DIGITS or abs(value) >= 10**AMOUNT_BELOW or int(places.exponent) < AMOUNT_FROM:
        raise _OddError(f"{field} {text:.60} has more digits than an amount can have ({AMOUNT_DIGITS}); round it")
    return value
