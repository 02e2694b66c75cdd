"""MessagePack bytes to messages and back, and stream entries as they are read.

Only this place knows the encoding, with ``plain_amounts``, ``unreadable`` and ``fault_sentences``, which serve it.

Reading is strict. Whatever is wrong with the bytes comes back as one ``UnreadableError`` that names the field and the
reason, so that the reader can put it on ``hs:dead`` and go on. Only nil in place of an optional field is taken for
an absent one (``unreadable``): JavaScript writes so what is not there.
"""

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from shared.adapters.fault_sentences import fault_of
from shared.adapters.plain_amounts import encode_plainly
from shared.adapters.unreadable import is_json, without_nil
from shared.messages.base import AMOUNT_BELOW, AMOUNT_DIGITS, AMOUNT_FROM, ESTIMATE_BELOW, MAX_MESSAGE_BYTES, Message
from shared.messages.catalogue import CATALOGUE, QUEUED, TOPIC_OF, client_of_key, topic_of_key
from shared.ports.errors import ContentRefusedError
from shared.ports.signatures import SIGNATURE_FIELD
from shared.ports.streams import Entry, is_end_of_ids

_PLAIN_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?", re.IGNORECASE | re.ASCII)

S = TypeVar("S", bound=Struct)

OF_CLIENTS = tuple(kind for topic in QUEUED for kind in topic.messages)  # each has a field ``client``

_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_ALL_KINDS: Any = None
for _kind in TOPIC_OF:
    _ALL_KINDS = _kind if _ALL_KINDS is None else _ALL_KINDS | _kind
_decoder = msgspec.msgpack.Decoder(_ALL_KINDS)
_LONGEST = max(topic.max_bytes for topic in CATALOGUE)


class UnreadableError(ValueError):
    """Bytes that are no message: ``field`` is where (``$`` for the whole), ``reason`` is why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class TooLongError(ValueError):
    """A message that nobody would read: longer than its topic's ``max_bytes``."""


def encode(value: Struct) -> bytes:
    """A message or a state record as MessagePack."""
    return encode_plainly(_encoder.encode, value)


def encode_for_wire(message: Message) -> bytes:
    """A message that is about to be written. Raises ``TooLongError`` instead of writing what no consumer can read."""
    body = encode_plainly(_encoder.encode, message)
    if len(body) > (most := TOPIC_OF[type(message)].max_bytes):
        raise TooLongError(f"{type(message).__name__} {message.id} has {len(body)} bytes; at most {most} are read")
    return body


def encode_for_commit(message: Message) -> bytes:
    """The same for a message of a commit. Raises ``ContentRefusedError`` for one that is too long."""
    try:
        return encode_for_wire(message)
    except TooLongError as error:
        raise ContentRefusedError(str(error)) from error


def decode(body: bytes, kinds: Iterable[type[Message]] = ()) -> Message:
    """The message in ``body``; with ``kinds``, one of those types. Raises ``UnreadableError``."""
    allowed = tuple(kinds)
    if len(body) > MAX_MESSAGE_BYTES:  # of nearly all topics
        _refuse_longer(body, max((TOPIC_OF[kind].max_bytes for kind in allowed), default=_LONGEST))
    try:
        message: Message = _decoder.decode(body)
    except msgspec.ValidationError as error:
        if (rest := without_nil(body)) is not None:
            return decode(rest, allowed)
        raise _json_or(body, UnreadableError(*fault_of(str(error), body, allowed))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _json_or(body, UnreadableError("$", f"not MessagePack: {error}")) from None
    if allowed and type(message) not in allowed:
        names = ", ".join(kind.__name__ for kind in allowed)
        raise UnreadableError("$.type", f"{type(message).__name__} does not belong here; expected {names}")
    if len(body) > MAX_MESSAGE_BYTES:
        _refuse_longer(body, TOPIC_OF[type(message)].max_bytes)
    if fault := _unbookable(message):
        raise UnreadableError(f"${fault[0]}", fault[1])
    _refuse_odd_amounts(message, body)
    return message


def decode_or_none(body: bytes) -> Message | None:
    """The message in ``body``; None for what cannot be read."""
    try:
        return decode(body)
    except UnreadableError:
        return None


def struct_or_none(body: bytes, kind: type[S]) -> S | None:
    """What stands in a hash beside the messages, such as a heartbeat; None for what cannot be read."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def entry_of(stream: str, entry_id: bytes, fields: dict[bytes, bytes], size_bytes: int = 0) -> Entry:
    """A stream entry as read: what is wrong with it is part of the answer, not an exception.

    size_bytes: of an entry that was too long to be taken whole; the fields have its beginning.
    """
    body = fields.get(b"m")
    if size_bytes:
        most = most_bytes_of(stream)
        fault = ("$", f"{size_bytes} bytes; at most {most} are read")
        return Entry(stream, entry_id.decode(), None, bytes(body or b""), fault, size_bytes)
    if is_end_of_ids(entry_id.decode()):
        return Entry(
            stream, entry_id.decode(), None, body or b"", ("id", "its id is the last there is: heatsink repair")
        )
    if body is None:
        [given] = fields.values() if len(fields) == 1 else (b"",)
        return Entry(stream, entry_id.decode(), None, given, ("m", "the entry has no field `m` with the message"))
    topic, signature = topic_of_key(stream), fields.get(SIGNATURE_FIELD, b"")
    try:
        message = sent_by(decode(body, topic.readable if topic else ()), client_of_key(stream))
        return Entry(stream, entry_id.decode(), message, body, signature=signature)
    except UnreadableError as error:
        return Entry(stream, entry_id.decode(), None, body, (error.field, error.reason))


def sent_by(message: Message, client: str) -> Message:
    """A proposal or report as that of a client, whatever it says itself: the queue that it stands in tells whose it is.

    client: empty for what stands in no client's queue.
    """
    if isinstance(message, OF_CLIENTS) and message.client != client:  # type: ignore[attr-defined]
        return structs.replace(message, client=client)
    return message


def most_bytes_of(stream: str) -> int:
    """The longest message that is read on a stream."""
    topic = topic_of_key(stream)
    return max(each.max_bytes for each in (topic, *topic.copies)) if topic else MAX_MESSAGE_BYTES


def _refuse_longer(body: bytes, most: int) -> None:
    if len(body) > most:
        raise UnreadableError("$", f"{len(body)} bytes; at most {most} are read")


def _json_or(body: bytes, error: UnreadableError) -> UnreadableError:
    """JSON's first byte is a number in MessagePack, which explains nothing to who wrote it."""
    return UnreadableError("$", "this is JSON; write it as MessagePack") if is_json(body) else error


def _refuse_odd_amounts(message: Message, body: bytes) -> None:
    """A float cannot hold 0.1: booked amounts come as decimal strings, and nothing else is taken for one (not the
    blanks, underscores and digits of other scripts that ``Decimal`` reads either).
    """
    amounts = _amounts_decoder(type(message))
    if amounts is None:
        return
    try:
        given = amounts.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError("$", f"a field that is not known cannot be read: {error}") from None
    for name in given.__struct_fields__:
        amount = getattr(given, name)
        if isinstance(amount, int | float) or (isinstance(amount, str) and not _PLAIN_AMOUNT.fullmatch(amount)):
            raise UnreadableError(f"$.{name}", f'expected a decimal string such as "0.25", got {amount!r:.40}')


@cache
def _amounts_decoder(kind: type[Message]) -> "msgspec.msgpack.Decoder[Struct] | None":
    """Reads nothing of a message but its amounts, as they were written; None where a type has none."""
    hints = get_type_hints(kind)
    names = [name for name, hint in hints.items() if hint is Decimal or Decimal in get_args(hint)]
    as_written: Any = msgspec.defstruct(f"{kind.__name__}Amounts", [(name, Any, None) for name in names])
    return msgspec.msgpack.Decoder(as_written) if names else None


def _unbookable(value: Any) -> tuple[str, str] | None:
    """Where in a value, and why, something poisons every sum: NaN and infinity are legal MessagePack and legal
    Decimals, and so are a thousand digits. None when all is well.
    """
    if isinstance(value, float):
        return None if -ESTIMATE_BELOW < value < ESTIMATE_BELOW else ("", _odd_estimate(value))
    if isinstance(value, Decimal):
        reason = odd_amount(value)
        return ("", reason) if reason else None
    if isinstance(value, Struct):
        for name in _numeric_fields(type(value)):
            given = getattr(value, name)
            if type(given) is float and -ESTIMATE_BELOW < given < ESTIMATE_BELOW:
                continue  # nearly all of them: not worth a call
            if fault := _unbookable(given):
                return f".{name}{fault[0]}", fault[1]
    elif isinstance(value, tuple | dict):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if fault := _unbookable(item):
                return f"[{key!r}]{fault[0]}", fault[1]
    return None


def _odd_estimate(value: float) -> str:
    if not math.isfinite(value):
        return f"{value} is not a finite number"
    return f"{value} is out of all bounds ({ESTIMATE_BELOW:g})"


def odd_amount(value: Decimal) -> str:
    """Why a message cannot hold this amount; empty when it can."""
    if not value.is_finite():
        return f"{value} is not a finite number"[:100]
    size = value.adjusted()
    if not AMOUNT_FROM <= size < AMOUNT_BELOW and (value or abs(size) > AMOUNT_DIGITS):
        return f"amounts are from 1E{AMOUNT_FROM} to below 1E{AMOUNT_BELOW}, got one of 1E{size}"
    if len(str(value)) > AMOUNT_DIGITS and len(value.as_tuple().digits) > AMOUNT_DIGITS:
        return f"amounts have at most {AMOUNT_DIGITS} digits"
    return ""


@cache
def _numeric_fields(kind: type[Struct]) -> tuple[str, ...]:
    """The fields that may hold numbers or contain some; text and plain integers need no look."""
    fields = msgspec.structs.fields(kind)
    return tuple(field.name for field in fields if not isinstance(msgspec.inspect.type_info(field.type), _HARMLESS))


_HARMLESS = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.BoolType,
    msgspec.inspect.LiteralType,
    msgspec.inspect.BytesType,
)
