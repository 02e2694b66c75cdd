"""Every message type with every field at its extremes, as far as it can be read: what any client may write.

The values follow from the types and bounds of the fields, so that a new message or field is tried without a word here.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.structs import replace

from shared.adapters.codec import UnreadableError, decode, encode
from shared.messages.base import Message
from tests.samples import samples

PLAIN = ("0", "-0", "-1", "1E-28", "-1E-28", "0.1", "1", "7", "123456.789", "1E+17", "-1E+17")
AMOUNTS = [Decimal(text) for text in (*PLAIN, "1." + "234567890" * 3, "9" * 18, "-" + "9" * 18)]
ESTIMATES = [0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e-9, 0.5, 1.0, -1.0, 1e15, 9.9e23, -9.9e23, 1 - 2**-53, 1 + 2**-52]
COUNTS = [0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1]
TEXTS = ["", "x", " ", "\n", "\x00", "{0}%s", "é\u202e", "\U0001f4a5" * 16, "None", "nan", "1e999", "../..", "|", ":"]
NAMED = {  # words of a field's own, beside what its type says
    "symbol": ["BTC/USDT", "ETH/USDT", "USDT/USDT", "A/B", "", "X" * 27 + "/USDT"],
    "formerly": ["BTC/USDT", "ETH/USDT", "XXX/USDT"],
    "portfolio": ["main", "other"],
    "timeframe": ["1h", "1d", "1m", "15m", "7s", "99M", "3w"],
    "strategy": ["trend", "flatten", "stop"],
    "phase": ["live", "dry_run", "scaled"],
    "source": ["hs:{main}:orders:executed", "time", "hs:bars:1h"],
}


def extremes(kind: type[Message], known: dict[str, Sequence[object]]) -> list[Message]:
    """The samples of a type with each of its fields at each of its extremes, one at a time.

    known: values by the name of the field that mean something to who reads them, such as the id of an open order.
    """
    found = []
    for sample in samples_of(kind):
        found.append(sample)
        for name, values in values_of(kind, known).items():
            found += filter(None, (readable(replace(sample, **{name: value})) for value in values))
    return found


def samples_of(kind: type[Message]) -> list[Message]:
    return [sample for sample in samples() if type(sample) is kind]


def values_of(kind: type[Message], known: dict[str, Sequence[object]]) -> dict[str, list[Any]]:
    """What each field of a type may be tried at, readable or not."""
    return {name: [*values, *NAMED.get(name, ()), *known.get(name, ())] for name, values in fields_of(kind).items()}


def readable(message: Message) -> Message | None:
    """The message as a reader gets it; None for one that never gets to a machine."""
    try:
        return decode(encode(message), (type(message),))
    except (UnreadableError, OverflowError, ValueError):
        return None


@cache
def fields_of(kind: type[Message]) -> dict[str, list[Any]]:
    """The extremes of each field by itself."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return {field.name: list(_values(field.type)) for field in described.fields}


def _values(kind: inspect.Type) -> Iterator[Any]:
    match kind:
        case inspect.UnionType():
            for each in kind.types:
                yield from _values(each)
        case inspect.NoneType():
            yield None
        case inspect.BoolType():
            yield from (True, False)
        case inspect.IntType():
            yield from (*COUNTS, *_bounds(kind.ge, kind.le, kind.gt, kind.lt))
        case inspect.FloatType():
            yield from (*ESTIMATES, *map(float, _bounds(kind.ge, kind.le, kind.gt, kind.lt)))
        case inspect.DecimalType():
            yield from AMOUNTS
        case inspect.StrType():
            most, least = kind.max_length, kind.min_length
            yield from (*TEXTS, *(char * length for length in (most, least) if length for char in "xX0é"))
        case inspect.LiteralType():
            yield from kind.values
        case inspect.BytesType():
            yield from (b"", b"\xff" * 10)
        case inspect.VarTupleType() | inspect.ListType():
            items = list(_values(kind.item_type))
            yield from ((), *((item,) for item in items), tuple(items[:50]))
        case inspect.TupleType():
            parts = [list(_values(each)) for each in kind.item_types]
            for number in range(max(map(len, parts))):
                yield tuple(part[number % len(part)] for part in parts)
            for number in range(max(map(len, parts))):
                yield tuple(part[(number * (place + 3)) % len(part)] for place, part in enumerate(parts))
        case inspect.DictType():
            yield {}
            for key in (*_values(kind.key_type), "heat", "max_order_usdt"):
                for value in list(_values(kind.value_type))[:12]:
                    yield {key: value}
        case inspect.StructType():
            yield from _structs(kind)
        case _:
            raise AssertionError(f"say what the extremes of {kind} are")


def _structs(kind: inspect.StructType) -> Iterator[Any]:
    """A nested struct with all its fields at an extreme together."""
    parts = {field.name: list(_values(field.type)) for field in kind.fields}
    for number in range(max(map(len, parts.values()))):
        fields = {name: values[number % len(values)] for name, values in parts.items()}
        try:
            yield msgspec.convert(msgspec.to_builtins(kind.cls(**fields)), kind.cls)
        except (msgspec.ValidationError, ValueError, OverflowError):
            continue


def _bounds(*bounds: float | None) -> Iterator[Any]:
    for bound in bounds:
        if bound is not None:
            yield from (bound, bound - 1, bound + 1)
            if isinstance(bound, float) and math.isfinite(bound):
                yield from (math.nextafter(bound, math.inf), math.nextafter(bound, -math.inf))
