"""The messages for ``clients/node``: their types for TypeScript, and what reading them takes at run time."""

import json
from collections.abc import Iterator
from decimal import Decimal
from textwrap import indent
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from msgspec import Struct

from shared.messages.base import Message
from shared.messages.catalogue import CATALOGUE
from shared.runtime.client_messages.kinds import (
    NANOSECONDS,
    WireField,
    fields_of,
    message_kinds,
    part_in,
    part_kinds,
    words_of,
)

HEAD = """\
// Every message on the wire, and the keys of all topics. Written by `make client-messages`: do not edit.
"""
TYPES = """
/** A stream and the channel of the same name. `{P}` stands for the portfolio, `<timeframe>` for a bar's. */
export interface Topic { key: string; durable: boolean; clientKey?: string }

export declare const TOPICS: Record<string, Topic>

/** What reading a type takes: its nanoseconds, its parts, and the defaults of what an older writer left out. */
export interface Kind { nanoseconds: string[]; parts: Record<string, string>; defaults: Record<string, unknown> }

export declare const KINDS: Record<string, Kind>
"""
NAMES = {str: "string", float: "number", bool: "boolean", Decimal: "string", bytes: "Uint8Array", NoneType: "null"}


def source() -> str:
    """The text of ``messages.js``."""
    return HEAD + "\n" + "".join(_topics()) + "\n" + "".join(_kinds())


def types() -> str:
    """The text of ``messages.d.ts``."""
    parts = [HEAD + "// Amounts are decimal strings, estimates are numbers, nanoseconds are bigints.\n" + TYPES]
    parts += [_interface(kind) for kind in (*part_kinds(), *message_kinds())]
    parts += ["export type Message =\n" + "".join(f"  | {kind.__name__}\n" for kind in message_kinds())]
    return "\n".join(parts)


def _interface(kind: type[Struct]) -> str:
    words = indent(words_of(kind).replace("``", "`"), " * ", lambda _: True).replace(" \n", "\n")
    tag = [f"  type: '{kind.__name__}'"] if issubclass(kind, Message) else []
    lines = [f"  {field.name}: {_type_of(field.hint, field.name)}" for field in fields_of(kind)]
    return "\n".join(["/**", words, " */", f"export interface {kind.__name__} {{", *tag, *lines, "}\n"])


def _type_of(hint: Any, name: str = "") -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " | ".join(_type_of(each) for each in inner)
    if origin is Literal:
        return " | ".join(f"'{each}'" for each in inner)
    if origin is dict:
        return f"Record<string, {_type_of(inner[1])}>"
    if origin is tuple:
        return f"{_type_of(inner[0])}[]" if inner[1] is ... else f"[{', '.join(_type_of(each) for each in inner)}]"
    if hint is int:
        return "bigint" if name.endswith(NANOSECONDS) else "number"
    return NAMES.get(hint) or str(hint.__name__)


def _topics() -> Iterator[str]:
    yield "export const TOPICS = {\n"
    for topic in CATALOGUE:
        queue = f", clientKey: '{topic.client_key}'" if topic.client_key else ""
        durable = json.dumps(topic.durable)
        yield f"  {json.dumps(topic.name)}: {{ key: '{topic.key}', durable: {durable}{queue} }},\n"
    yield "}\n"


def _kinds() -> Iterator[str]:
    yield "// What reading a type takes: its nanoseconds, its parts, the defaults of what an older writer left out.\n"
    yield "export const KINDS = {\n"
    for kind in (*part_kinds(), *message_kinds()):
        fields = fields_of(kind)
        parts = {field.name: part.__name__ for field in fields if (part := part_in(field.hint)) is not None}
        yield f"  {kind.__name__}: {{\n"
        yield f"    nanoseconds: {json.dumps([field.name for field in fields if field.name.endswith(NANOSECONDS)])},\n"
        yield f"    parts: {json.dumps(parts)},\n"
        yield f"    defaults: {{ {', '.join(_defaults(fields))} }},\n  }},\n"
    yield "}\n"


def _defaults(fields: list[WireField]) -> Iterator[str]:
    for field in fields:
        if not field.is_required:
            yield f"{field.name}: {_literal(field)}"


def _literal(field: WireField) -> str:
    if isinstance(field.default, Decimal):
        return json.dumps(str(field.default))
    return json.dumps(field.default) + ("n" if field.name.endswith(NANOSECONDS) else "")
