"""What can still be made of bytes that strict reading refuses. Good messages never come here, so it costs them nothing.

Two things. A field that has a default and comes as nil was left out: that is how JavaScript writes ``undefined``. And
who sent something that stays unreadable hears of it under the id it gave, so whatever can be told of it is told.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from shared.messages.base import MAX_ID, Message
from shared.messages.catalogue import TOPIC_OF

MAX_READ_BYTES = 1024 * 1024  # more is not looked through for an id
MAX_PART = MAX_ID  # what is longer is no id, no name and no symbol
KINDS = {kind.__name__: kind for kind in TOPIC_OF}


def without_nil(body: bytes) -> bytes | None:
    """The same message without the fields that are nil and have a default; None where there are none."""
    given = map_of(body)
    kind = kind_of(given)
    optional = _optional_fields(kind) if kind is not None else ()
    absent = [name for name, value in given.items() if value is None and name in optional]
    if not absent:
        return None
    for name in absent:
        del given[name]
    try:
        return msgspec.msgpack.encode(given)
    except (TypeError, ValueError, RecursionError):
        return None


def parts_of(body: bytes) -> dict[str, str]:
    """The short texts of a map, by name, whether it is MessagePack or JSON; nothing where it is neither."""
    given = map_of(body) or _map_of_json(body)
    return {name: value for name, value in given.items() if isinstance(value, str) and 0 < len(value) <= MAX_PART}


def is_json(body: bytes) -> bool:
    """Whether somebody wrote JSON in place of MessagePack."""
    return bool(_map_of_json(body))


def map_of(body: bytes) -> dict[Any, Any]:
    """What the bytes hold, if that is a map; an empty one if not."""
    if len(body) > MAX_READ_BYTES:
        return {}
    try:
        given = msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def kind_of(given: Mapping[Any, Any]) -> type[Message] | None:
    """The type of message that a map says it is; None for none that there is."""
    name = given.get("type")
    return KINDS.get(name) if isinstance(name, str) else None


def _map_of_json(body: bytes) -> dict[Any, Any]:
    if len(body) > MAX_READ_BYTES or not body.startswith(b"{"):
        return {}
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


@cache
def _optional_fields(kind: type[Message]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(kind) if not field.required)
