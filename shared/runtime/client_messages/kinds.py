"""Every type on the wire, with its fields, as a writer of source needs them."""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from shared.messages.base import Message
from shared.messages.catalogue import CATALOGUE

HEADER = Message.__struct_fields__
NANOSECONDS = "_ns"  # how the names of such fields end


@dataclass(frozen=True, slots=True)
class WireField:
    """hint: its type, as Python knows it. default: ``msgspec.NODEFAULT`` for a field that must be there."""

    name: str
    hint: Any
    default: Any

    @property
    def is_required(self) -> bool:
        return self.default is msgspec.NODEFAULT


def message_kinds() -> list[type[Message]]:
    """All messages, in the order of the catalogue."""
    return [kind for topic in CATALOGUE for kind in topic.messages]


def part_kinds() -> list[type[Struct]]:
    """What stands inside messages, each before whatever holds it."""
    found: dict[type[Struct], None] = {}
    for kind in message_kinds():
        for part in _parts_of(kind):
            found[part] = None
    return list(found)


def fields_of(kind: type[Struct]) -> list[WireField]:
    """All fields, those of the header first; a factory's default is what it makes."""
    hints = get_type_hints(kind)
    return [
        WireField(field.name, hints[field.name], _default_of(field))
        for field in sorted(msgspec.structs.fields(kind), key=lambda field: field.name not in HEADER)
    ]


def own_fields(kind: type[Struct]) -> list[WireField]:
    """Without those that every message has."""
    return [field for field in fields_of(kind) if field.name not in HEADER or not issubclass(kind, Message)]


def words_of(kind: type[Struct]) -> str:
    """What the type is, and what its fields mean: its own words, then those of what it extends."""
    bases = [base for base in kind.__mro__ if issubclass(base, Struct) and base not in (Struct, Message)]
    return "\n\n".join(cleandoc(base.__doc__) for base in bases if base.__doc__)


def part_in(hint: Any) -> type[Struct] | None:
    """The type of the parts that a field holds: itself, or within a tuple or beside None."""
    for inner in (hint, *get_args(hint)):
        if isinstance(inner, type) and issubclass(inner, Struct):
            return inner
    return None


def _parts_of(kind: type[Struct]) -> Iterator[type[Struct]]:
    for field in own_fields(kind):
        if (part := part_in(field.hint)) is not None:
            yield from _parts_of(part)
            yield part


def _default_of(field: Any) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
