"""What goes wrong on demand. A fault is described by one ``Fault``; each time it really happens it is counted.

Frame faults (missing, duplicate, late, out_of_order, unclosed) meet closed klines. Request faults (rate_limit, ban,
server_error) meet REST requests. ``odd_row`` meets rows of both. All of these stay in force until their ``count`` is
used up, their time is over or they are cleared. The other faults happen at once, to the connections or the symbol that
they name, or to the exchange's clock (``clock_step``).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import numpy as np
from msgspec import Meta, Struct

from services.exchange_sim.market.market import Status
from shared.config.bounded_files import read_bounded

FrameFault = Literal["missing", "duplicate", "late", "out_of_order", "unclosed"]
RequestFault = Literal["rate_limit", "ban", "server_error"]
RowFault = Literal["odd_row"]
ClockFault = Literal["clock_step"]
ConnectionFault = Literal["drop", "half_open", "server_shutdown"]
SymbolFault = Literal["status", "delist", "rename"]
Kind = FrameFault | RequestFault | RowFault | ConnectionFault | SymbolFault | ClockFault
MOST = 1e9  # seconds, or times: more is without end
LASTING: tuple[str, ...] = (*get_args(FrameFault), *get_args(RequestFault), *get_args(RowFault))
KINDS: tuple[str, ...] = (*LASTING, *get_args(ConnectionFault), *get_args(SymbolFault), *get_args(ClockFault))


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One fault, and what it meets. The first four fields after the kind are shell patterns.

    fault: its kind.
    stream: such as ``btcusdt@kline_*``.
    symbol: such as ``BTCUSDT``; for faults of a symbol its exact name.
    timeframe: of klines.
    path: such as ``/api/v3/klines``.
    probability: how likely it is, each time that it could happen.
    count: how often it happens at most.
    lasts_seconds: how long it stays in force at most, wall time.
    seconds: the delay of a late frame, ``Retry-After``, or the market time until a renamed symbol trades.
    status_code: of a server error.
    status: of the symbol.
    new_symbol: its name after a rename.
    price_ratio: the price after a rename divided by the one before it.
    field: what an odd row has wrong, such as ``bidPrice``, ``k.c``, ``filters.LOT_SIZE.minQty``, or ``4`` of a kline of
        REST; empty for the whole row. Rows of streams are chosen by ``stream``, those of REST by ``path``.
    value: what stands there instead; without one the field is missing.
    step_seconds: by how much the exchange's clock is set forward, or back, wall time.
    """

    fault: Kind
    stream: str = "*"
    symbol: str = "*"
    timeframe: str = "*"
    path: str = "*"
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    count: Annotated[int, Meta(ge=1, le=int(MOST))] | None = None
    lasts_seconds: Annotated[float, Meta(gt=0, le=MOST)] | None = None
    seconds: Annotated[float, Meta(ge=0, le=MOST)] = 2.0
    status_code: Annotated[int, Meta(ge=500, le=599)] = 503
    status: Status = "HALT"
    new_symbol: str = ""
    price_ratio: Annotated[float, Meta(ge=1e-8, le=1e8)] = 1.0
    field: str = ""
    value: Any = msgspec.UNSET
    step_seconds: Annotated[float, Meta(ge=-MOST, le=MOST)] = 0.0


class ScriptedFault(Fault, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A fault with its time: ``after_seconds`` of wall time since the start, or at a market time (UTC)."""

    after_seconds: Annotated[float, Meta(ge=0, le=MOST)] | None = None
    at_market_time: datetime | None = None

    def is_due(self, *, elapsed_steady_ns: int, now_ns: int) -> bool:
        if self.at_market_time is not None:
            time = self.at_market_time.replace(tzinfo=self.at_market_time.tzinfo or UTC)
            return now_ns >= time.timestamp() * 1e9
        return elapsed_steady_ns >= (self.after_seconds or 0.0) * 1e9


class _Script(Struct, frozen=True, forbid_unknown_fields=True):
    faults: tuple[ScriptedFault, ...]


def read_script(path: Path) -> tuple[ScriptedFault, ...]:
    """A ``.toml`` file with ``[[faults]]`` tables, or a ``.json`` file with ``{"faults": [...]}``."""
    body = read_bounded(path)
    try:
        if path.suffix == ".toml":
            return msgspec.toml.decode(body, type=_Script).faults
        return msgspec.json.decode(body, type=_Script).faults
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


class _Active:
    """A lasting fault and what is left of it."""

    def __init__(self, fault: Fault, now_steady_ns: int) -> None:
        self.fault = fault
        self.left = fault.count
        self.until_steady_ns = None if fault.lasts_seconds is None else now_steady_ns + int(fault.lasts_seconds * 1e9)

    def is_over(self, now_steady_ns: int) -> bool:
        return self.left == 0 or (self.until_steady_ns is not None and now_steady_ns >= self.until_steady_ns)


class ActiveFaults:
    """The faults in force, and how often each kind has happened."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._active: list[_Active] = []
        self.happened: Counter[str] = Counter(dict.fromkeys(KINDS, 0))

    @property
    def active(self) -> list[Fault]:
        return [one.fault for one in self._active]

    def add(self, fault: Fault, now_steady_ns: int) -> None:
        self._active.append(_Active(fault, now_steady_ns))

    def clear(self) -> None:
        self._active.clear()

    def frame_fault(self, *, stream: str, symbol: str, timeframe: str, now_steady_ns: int) -> Fault | None:
        """The fault that befalls a closed kline, counted; None when it goes out as it should."""
        for one in self._in_force(get_args(FrameFault), now_steady_ns):
            fault = one.fault
            names = ((stream, fault.stream), (symbol, fault.symbol), (timeframe, fault.timeframe))
            if all(fnmatchcase(name, pattern) for name, pattern in names) and self.strikes(one):
                return fault
        return None

    def request_fault(self, path: str, now_steady_ns: int) -> Fault | None:
        """The fault that befalls a REST request, counted; None when it is answered."""
        for one in self._in_force(get_args(RequestFault), now_steady_ns):
            if fnmatchcase(path, one.fault.path) and self.strikes(one):
                return one.fault
        return None

    def row_faults(self, place: str, symbol: str, now_steady_ns: int) -> list[_Active]:
        """The faults that may befall a row. place: its stream, or its path."""
        return [
            one
            for one in self._in_force(get_args(RowFault), now_steady_ns)
            if fnmatchcase(place, one.fault.path if place.startswith("/") else one.fault.stream)
            and fnmatchcase(symbol, one.fault.symbol)
        ]

    def chance(self, fault: Fault) -> bool:
        """Whether a fault that happens at once does so this time."""
        return self._random.random() < fault.probability

    def _in_force(self, kinds: Iterable[str], now_steady_ns: int) -> list[_Active]:
        if self._active:
            self._active = [one for one in self._active if not one.is_over(now_steady_ns)]
        return [one for one in self._active if one.fault.fault in kinds]

    def strikes(self, one: _Active) -> bool:
        """Whether a lasting fault happens this time; then it is counted."""
        if one.left == 0 or not self.chance(one.fault):
            return False
        if one.left is not None:
            one.left -= 1
        self.happened[one.fault.fault] += 1
        return True
