"""What a bot has asked heatsink for, and what became of it: a small database of its own, which survives every kill.

freqtrade's database knows orders, heatsink knows what was approved. This says which belongs to which. A row is written
before the gate is asked and before freqtrade sends anything, so that whatever a killed bot was doing is found again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from threading import RLock
from typing import Any, Literal

# open: something is left to do. over: nothing is. stuck: heatsink does not take what happened; tried at the next start.
State = Literal["open", "over", "stuck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One order, from the question to its end.

    id: under which the gate knows it. side: ``buy``, ``sell``, or ``stop`` for one that rests at the exchange.
    quantity, limit_price, stop_price: as proposed. approved: base units; None while the verdict is not known.
    sent: whether freqtrade was told that it may send it. asked: when, seconds of the bot's clock.
    order_id: freqtrade's; empty while it has none.
    fill_quantity, fill_price, fill_fee: as reported, so that a repeated report says the same; empty before.
    """

    id: str
    pair: str
    side: str
    quantity: str
    limit_price: str = ""
    stop_price: str = ""
    approved: str | None = None
    sent: int = 0
    asked: float = 0.0
    order_id: str = ""
    fill_quantity: str = ""
    fill_price: str = ""
    fill_fee: str = ""
    state: State = "open"
    reason: str = ""
    is_rejected: int = 0

    @property
    def allowed(self) -> Decimal:
        return Decimal(self.approved or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Of one pair.

    approved: the highest that passed the gate. told, quantity: as reported. id: under which it fills.
    """

    pair: str
    approved: str = ""
    told: str = ""
    quantity: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something that heatsink wants done: ``sell`` what is held or is ``left`` of a pair, or ``cancel`` an order."""

    id: str
    pair: str
    what: str
    quantity: str = "0"
    reason: str = ""


TABLES = {Row: "orders", Stop: "stops", Wish: "wishes"}


class Journal:
    """One file. All its methods may be called from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA synchronous = FULL")
        for kind, table in TABLES.items():
            columns = ", ".join(field.name for field in fields(kind))
            self._file.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({columns.split(',')[0]}))")
        self._file.execute("CREATE TABLE IF NOT EXISTS facts (name PRIMARY KEY, value)")
        for column in ("order_id", "state"):  # every loop asks by them, and every question to the gate leaves a row
            self._file.execute(f"CREATE INDEX IF NOT EXISTS orders_by_{column} ON orders ({column})")

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self._lock:
            yield

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def put(self, row: Row | Stop | Wish) -> None:
        marks = ", ".join("?" * len(fields(row)))
        with self._lock:
            self._file.execute(f"INSERT OR REPLACE INTO {TABLES[type(row)]} VALUES ({marks})", astuple(row))  # noqa: S608 - our own names

    def change(self, row: Row, **changes: Any) -> Row:
        changed = replace(row, **changes)
        self.put(changed)
        return changed

    def _read(self, kind: type[Any], where: str = "1", *values: Any) -> list[Any]:
        with self._lock:
            query = f"SELECT * FROM {TABLES[kind]} WHERE {where} ORDER BY rowid"  # noqa: S608 - our own names
            found = self._file.execute(query, values).fetchall()
        names = [field.name for field in fields(kind)]
        return [kind(**dict(zip(names, values, strict=True))) for values in found]

    # --- orders -------------------------------------------------------------------------------------------------------

    def open_rows(self) -> list[Row]:
        return self._read(Row, "state = 'open'")

    def row(self, gate_id: str) -> Row | None:
        return next(iter(self._read(Row, "id = ?", gate_id)), None)

    def row_of(self, pair: str, order_id: str) -> Row | None:
        """The row of an order of freqtrade's."""
        return next(iter(self._read(Row, "order_id = ? AND pair = ?", order_id, pair)), None)

    def has_orders_in(self, pair: str) -> bool:
        """Whether there was ever one, of whatever end."""
        with self._lock:
            found = self._file.execute("SELECT 1 FROM orders WHERE pair = ? LIMIT 1", (pair,)).fetchone()
        return found is not None

    def is_unsettled(self, pair: str) -> bool:
        """Whether heatsink has not been told the end of all its orders, or does not take it."""
        return bool(self._read(Row, "pair = ? AND state != 'over'", pair))

    def unlinked(self, pair: str, side: str) -> Row | None:
        """The one that freqtrade was told to send, and whose order was not seen yet."""
        where = "pair = ? AND side = ? AND sent = 1 AND order_id = '' AND state = 'open'"
        return next(iter(self._read(Row, where, pair, side)), None)

    def attempts(self, prefix: str) -> list[Row]:
        return self._read(Row, "id >= ? AND id < ? || '~'", prefix, prefix)  # ~ comes after all that an id may hold

    def reopen_stuck(self) -> None:
        with self._lock:
            self._file.execute("UPDATE orders SET state = 'open' WHERE state = 'stuck'")

    # --- stops, wishes, facts -----------------------------------------------------------------------------------------

    def stop(self, pair: str) -> Stop:
        return next(iter(self._read(Stop, "pair = ?", pair)), Stop(pair=pair))

    def pairs_with_stops(self) -> set[str]:
        return {stop.pair for stop in self._read(Stop)}

    def pairs_with_untold_stops(self) -> set[str]:
        """Where a stop has sold at the exchange, or may have, and heatsink has not booked it yet."""
        return {row.pair for row in self._read(Row, "side = 'stop' AND state != 'over'")}

    def forget_stop(self, pair: str) -> None:
        with self._lock:
            self._file.execute("DELETE FROM stops WHERE pair = ?", (pair,))

    def wishes(self, what: str, pair: str = "") -> list[Wish]:
        return self._read(Wish, "what = ? AND ? IN (pair, '')", what, pair)

    def grant(self, wish_id: str) -> None:
        with self._lock:
            self._file.execute("DELETE FROM wishes WHERE id = ?", (wish_id,))

    def fact(self, name: str) -> str:
        with self._lock:
            found = self._file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return found[0] if found else ""

    def remember(self, name: str, value: str) -> None:
        with self._lock:
            self._file.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
