"""From messages to MessagePack and back, and amounts as the wire has them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack

from heatsink_client.messages import KINDS, Message

T = TypeVar("T")
Amount = Decimal | str | int | float
Reader = Callable[[Any], Any]


class UnwritableError(ValueError):
    """A value that no message can hold. field: which one. reason: why, with the remedy."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def amount(field: str, given: Amount) -> Decimal:
    """The amount that was meant. A float is taken by its shortest text: 0.1 is 0.1. Raises ``UnwritableError``."""
    try:
        value = Decimal(repr(float(given)) if isinstance(given, float) else given)
    except (InvalidOperation, TypeError, ValueError):
        value = Decimal("NaN")
    if isinstance(given, bool) or not value.is_finite():
        raise UnwritableError(field, f'{given!r:.40} is no amount: give a number such as Decimal("0.25")')
    return value


def nanoseconds(field: str, given: int | None) -> int:
    """Market time; 0 where none is given. Raises ``UnwritableError``."""
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int):
        raise UnwritableError(field, f"{given!r:.40} is no time: give whole nanoseconds, such as gate.market_ns()")
    return given


def seconds(field: str, given: float | None, otherwise: float) -> float:
    """The seconds that are given, or those that count where none are. Raises ``UnwritableError``."""
    if given is None:
        return otherwise
    if isinstance(given, bool) or not isinstance(given, int | float) or not isfinite(given):
        raise UnwritableError(field, f"{given!r:.40} is no time: give seconds, such as 5.0")
    return given


def pack(message: Message) -> bytes:
    """The bytes of a message: fields that have their defaults are left out."""
    body: dict[str, Any] = {"type": type(message).__name__}
    for field in fields(message):
        value = getattr(message, field.name)
        if field.default is MISSING or value != field.default:
            body[field.name] = f"{value:f}" if isinstance(value, Decimal) else value
    packed: bytes = msgpack.packb(body)
    return packed


def unpack(body: bytes) -> Message | None:
    """The message; None for what is none, or of a type that this version does not know."""
    message: Message | None = None
    with suppress(Exception):  # bytes of anybody: whatever is wrong with them, they are no message
        given = msgpack.unpackb(body)
        kind: Any = KINDS[given["type"]]
        message = _reader_of(kind)(given)
    return message


def read_as(kind: type[T], body: bytes | None) -> T | None:
    """The message, if it is one of this type."""
    message = unpack(body) if body else None
    return message if isinstance(message, kind) else None


@cache
def _reader_of(kind: type[Any]) -> Reader:
    """Makes a message, or a part of one, of a map. Fields that are not known are newer, and passed over."""
    hints = get_type_hints(kind)
    rows = [(field.name, _of_type(hints[field.name]), field.default is MISSING) for field in fields(kind)]

    def read(given: dict[str, Any]) -> Any:
        found = {}
        for name, convert, required in rows:
            if (value := given.get(name, MISSING)) is not MISSING and (value is not None or required):
                found[name] = convert(value)
        return kind(**found)

    return read


def _of_type(hint: Any) -> Reader:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (some,) = (each for each in inner if each is not type(None))
        convert = _of_type(some)
        return lambda value: None if value is None else convert(value)
    if origin is tuple:
        each = _of_type(inner[0])
        return lambda value: tuple(map(each, value))
    if origin is dict:
        of_value = _of_type(inner[1])
        return lambda value: {key: of_value(item) for key, item in value.items()}
    if hint is float or hint is Decimal:
        return hint
    return _reader_of(hint) if is_dataclass(hint) and isinstance(hint, type) else lambda value: value
