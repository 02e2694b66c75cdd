"""MessagePack bytes to messages and back: the only place that knows the encoding.

Reading is strict. Whatever is wrong with the bytes comes back as one ``UnreadableError`` that names the field and the
reason, so that the reader can put it on ``hs:dead`` and go on.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from shared.messages.base import MAX_MESSAGE_BYTES, Message
from shared.messages.catalogue import TOPIC_OF

_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_ALL_KINDS: Any = None
for _kind in TOPIC_OF:
    _ALL_KINDS = _kind if _ALL_KINDS is None else _ALL_KINDS | _kind
_decoder = msgspec.msgpack.Decoder(_ALL_KINDS)


class UnreadableError(ValueError):
    """Bytes that are no message: ``field`` is where (``$`` for the whole), ``reason`` is why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def encode(value: Struct) -> bytes:
    """A message or a state record as MessagePack."""
    return _encoder.encode(value)


def decode(body: bytes, kinds: Iterable[type[Message]] = ()) -> Message:
    """The message in ``body``; with ``kinds``, one of those types. Raises ``UnreadableError``."""
    if len(body) > MAX_MESSAGE_BYTES:
        raise UnreadableError("$", f"{len(body)} bytes; at most {MAX_MESSAGE_BYTES} are read")
    try:
        message: Message = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _explained(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError("$", f"not MessagePack: {error}") from None
    allowed = tuple(kinds)
    if allowed and type(message) not in allowed:
        names = ", ".join(kind.__name__ for kind in allowed)
        raise UnreadableError("$.type", f"{type(message).__name__} does not belong here; expected {names}")
    _refuse_non_finite(message, "$")
    _refuse_binary_amounts(message, body)
    return message


def _explained(error: msgspec.ValidationError) -> UnreadableError:
    """msgspec writes ``reason - at `$.field``` or ``... - at `key` in `$```; without a place the whole is meant."""
    reason, separator, place = str(error).rpartition(" - at `")
    if not separator:
        return UnreadableError("$", str(error))
    return UnreadableError("$" + place.rpartition("$")[2].rstrip("`"), reason)


def _refuse_binary_amounts(message: Message, body: bytes) -> None:
    """A float cannot hold 0.1: booked amounts come as decimal strings, and nothing else is taken for one."""
    names = _decimal_fields(type(message))
    if not names:
        return
    try:
        plain = msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError("$", f"a field that is not known cannot be read: {error}") from None
    for name in names:
        if isinstance(plain.get(name), int | float):
            raise UnreadableError(f"$.{name}", f'expected a decimal string such as "0.25", got {plain[name]!r}')


@cache
def _decimal_fields(kind: type[Message]) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    return tuple(name for name, hint in hints.items() if hint is Decimal or Decimal in get_args(hint))


_numeric: dict[type, tuple[str, ...]] = {}


def _refuse_non_finite(value: Any, path: str) -> None:
    """NaN and infinity are legal MessagePack and legal Decimals, and poison every sum: refuse them."""
    if isinstance(value, float | Decimal):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise UnreadableError(path, f"{value} is not a finite number")
    elif isinstance(value, Struct):
        for name in _numeric_fields(type(value)):
            _refuse_non_finite(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, tuple | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _refuse_non_finite(item, f"{path}[{key!r}]")


def _numeric_fields(kind: type[Struct]) -> tuple[str, ...]:
    """The fields that may hold numbers or contain some; text and plain integers need no look."""
    known = _numeric.get(kind)
    if known is None:
        fields = msgspec.structs.fields(kind)
        known = tuple(
            field.name for field in fields if not isinstance(msgspec.inspect.type_info(field.type), _HARMLESS)
        )
        _numeric[kind] = known
    return known


_HARMLESS = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.BoolType,
    msgspec.inspect.LiteralType,
    msgspec.inspect.BytesType,
)
