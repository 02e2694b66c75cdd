"""The messages as dataclasses, for ``clients/python``."""

from collections.abc import Iterator
from decimal import Decimal
from inspect import cleandoc
from textwrap import indent
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from msgspec import Struct

from shared.messages.base import MAX_MESSAGE_BYTES, Message
from shared.messages.catalogue import CATALOGUE, Topic
from shared.runtime.client_messages.kinds import WireField, fields_of, message_kinds, own_fields, part_kinds, words_of

HEAD = '''\
"""Every message on the wire, and the keys of all topics. Written by ``make client-messages``: do not edit.

Amounts are ``Decimal``, estimates are ``float``, and whatever ends in ``_ns`` is market time in nanoseconds since 1970.
Fields are only ever added, at the end, with defaults.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

'''
DATACLASS = "@dataclass(frozen=True, slots=True, kw_only=True)"
TOPIC = '''\
@dataclass(frozen=True, slots=True)
class Topic:
    """A stream and the channel of the same name.

    key: of the stream; the portfolio's name stands for ``P``, and a bar's for ``<timeframe>``.
    messages: what stands on it. durable: whether it is a stream at all; otherwise it is a channel only.
    client_key: of the queue that a client has for what it sends there; its name stands for ``<client>``.
    """

    key: str
    messages: tuple[type[Message], ...]
    durable: bool
    client_key: str = ""
'''


def source() -> str:
    """The text of ``heatsink_client/messages.py``."""
    parts = [HEAD + f"MAX_MESSAGE_BYTES = {MAX_MESSAGE_BYTES}  # of nearly every message\n"]
    parts += [_class(kind, "", fields_of(kind)) for kind in part_kinds()]
    parts += [_class(Message, "", fields_of(Message))]
    parts += [_class(kind, "(Message)", own_fields(kind)) for kind in message_kinds()]
    parts += [TOPIC, "".join(_topics()), "".join(_kinds())]
    return "\n\n".join(parts)


def _class(kind: type[Struct], bases: str, fields: list[WireField]) -> str:
    words = cleandoc(kind.__doc__ or "") if kind is Message else words_of(kind)
    if kind is Message:
        words = words.partition("\n\nMessages hold no cycles")[0]
    end = "\n" if "\n" in words else ""
    lines = [DATACLASS, f"class {kind.__name__}{bases}:", indent(f'"""{words}{end}"""', "    "), ""]
    lines += [f"    {field.name}: {_hint(field.hint)}{_default(field)}" for field in fields]
    return "\n".join(lines) + "\n"


def _hint(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " | ".join(_hint(each) for each in inner)
    if origin is Literal:
        return f"Literal[{', '.join(_quoted(each) for each in inner)}]"
    if origin in (tuple, dict):
        return f"{origin.__name__}[{', '.join(_hint(each) for each in inner)}]"
    if hint in (..., NoneType):
        return "..." if hint is ... else "None"
    return str(hint.__name__)


def _default(field: WireField) -> str:
    if field.is_required:
        return ""
    given = field.default
    if isinstance(given, Decimal):
        return f" = Decimal({given})" if given == given.to_integral_value() else f' = Decimal("{given}")'
    return f" = {_quoted(given) if isinstance(given, str) else repr(given)}"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _topics() -> Iterator[str]:
    yield "TOPICS: dict[str, Topic] = {\n"
    for topic in CATALOGUE:
        yield f"    {_quoted(topic.name)}: Topic(\n        {_quoted(topic.key)},\n"
        queue = f'        "{topic.client_key}",\n' if topic.client_key else ""
        yield f"        {_tuple(topic)},\n        {topic.durable},\n{queue}    ),\n"
    yield "}\n"


def _tuple(topic: Topic) -> str:
    """On one line where it fits, as the formatter would have it."""
    names = [kind.__name__ for kind in topic.readable]
    line = f"({', '.join(names)}{',' if len(names) == 1 else ''})"
    return line if len(line) < 110 else "(\n            " + ",\n            ".join(names) + ",\n        )"


def _kinds() -> Iterator[str]:
    yield "# By the name that a message has in its field ``type``.\n"
    yield "KINDS: dict[str, type[Message]] = "
    yield "{kind.__name__: kind for topic in TOPICS.values() for kind in topic.messages}\n"
