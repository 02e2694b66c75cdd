"""What is wrong with a message that strict reading refuses, for who wrote it: the field, and the remedy in a sentence.

msgspec says which rule of a type a value broke (``Expected `float` <= 1.0 - at `$.strength```). Here that becomes the
value that was given and what may stand there instead. Good messages never come here, so it costs them nothing.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

import msgspec

from shared.adapters.unreadable import KINDS, MAX_PART, kind_of, map_of
from shared.messages.base import Message, MessageId, OrderId, PortfolioName, PortfolioOrEmpty, Symbol, Timeframe

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_BOUND = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)")
_LENGTH = re.compile(r"Expected `str` of length (>=|<=) (\d+)")
_PATTERN = re.compile(r"Expected `str` matching regex (.+)", re.DOTALL)
_BOUNDS = {">=": "at least", "<=": "at most", ">": "above", "<": "below"}
_QUOTES = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR")
_PAIR = "write a pair as ETH/USDT"
_FORMS: tuple[tuple[Any, str], ...] = (
    (MessageId, "an id is of A-Z a-z 0-9 . _ : / -"),
    (OrderId, "an order's id is of A-Z a-z 0-9 _ -"),
    (Symbol, _PAIR),
    (Timeframe, "write a number and s, m, h or d, such as 15m"),
    (PortfolioName, "a portfolio's name is of a-z 0-9 _ -"),
    (PortfolioOrEmpty, "a portfolio's name is of a-z 0-9 _ -"),
)
_FORM_OF = {repr(msgspec.inspect.type_info(kind).pattern): form for kind, form in _FORMS}  # type: ignore[attr-defined]
_SYMBOL = repr(msgspec.inspect.type_info(Symbol).pattern)  # type: ignore[attr-defined]


def fault_of(error: str, body: bytes, allowed: Sequence[type[Message]]) -> tuple[str, str]:
    """Field and reason. error: what msgspec says. allowed: the types that may stand there; none for all of them.

    msgspec writes ``reason - at `$.field``` or ``... - at `key` in `$```; without a place the whole is meant.
    """
    given = map_of(body)
    reason, _, place = error.rpartition(" - at `")
    reason, place = (reason, "$" + place.rpartition("$")[2].rstrip("`")) if reason else (error, "$")
    if missing := _MISSING.fullmatch(reason):
        name = missing[1]
        return f"{place}.{name}", _of_missing(name, given if place == "$" else {}, allowed)
    if (wanted := reason.removesuffix(", got `null`").removesuffix(", got `None`")) != reason:
        return place, f"{wanted}, got nil; it is required, so give it a value"
    return place, _of_value(reason, place, given, allowed)


def _of_missing(name: str, given: Mapping[Any, Any], allowed: Sequence[type[Message]]) -> str:
    """Perhaps it is there under a name that is none."""
    if name == "type":
        return f"it is missing and required; it is one of {_listed(_names(allowed))}"
    kind = kind_of(given)
    sentence = "it is missing and required"
    if kind is None:
        return sentence
    known = {field.encode_name for field in _fields(kind)} | {"type"}
    unknown = list(islice((key for key in given if isinstance(key, str) and key not in known), 20))
    for key in unknown:
        if len(key) <= MAX_PART and difflib.get_close_matches(key.lower(), [name], cutoff=0.5):
            return f"{sentence}; {key!r} is no field of {kind.__name__}, did you mean {name!r}?"
    return f"{sentence}; {_short(unknown[0])} is no field of {kind.__name__}" if unknown else sentence


def _of_value(reason: str, place: str, given: Mapping[Any, Any], allowed: Sequence[type[Message]]) -> str:
    if (value := _at(given, place)) is None:
        return reason
    said = _short(value)
    if reason.startswith("Invalid enum value"):
        return f"Invalid enum value {said}; it is one of {_listed(_choices(place, given))}"
    if place == "$.type" and reason.startswith("Invalid value"):
        return f"Invalid value {said}; {_near(value, _names(allowed))}"
    if reason == "Invalid decimal string":
        return f'Invalid decimal string {said}; write one such as "0.25"'
    if bound := _BOUND.fullmatch(reason):
        return f"{said} is out of range; it must be {_BOUNDS[bound[1]]} {bound[2].removesuffix('.0')}"
    if (form := _PATTERN.fullmatch(reason)) and form[1] in _FORM_OF:
        return f"{said} is not of the form; {_pair_of(value) if form[1] == _SYMBOL else _FORM_OF[form[1]]}"
    if length := _LENGTH.fullmatch(reason):
        return f"it has {len(value)} characters; {_BOUNDS[length[1]]} {length[2]} are taken"
    return reason


def _pair_of(value: object) -> str:
    """``ETHUSDT``, ``eth-usdt`` and the like, as heatsink writes them."""
    plain = re.sub(r"[-_/: ]", "", value).upper() if isinstance(value, str) else ""
    for quote in _QUOTES:
        base = plain.removesuffix(quote)
        if base and base != plain and base.isascii() and base.isalnum():
            return f"write it as {base}/{quote}"
    return _PAIR


def _at(given: Any, place: str) -> Any:
    """What stands at a place such as ``$.bids[0]``; None where it cannot be told."""
    for name, number in _STEP.findall(place):
        if name and isinstance(given, dict):
            given = given.get(name)
        elif number and isinstance(given, list) and int(number) < len(given):
            given = given[int(number)]
        else:
            return None
    return given


def _choices(place: str, given: Mapping[Any, Any]) -> Sequence[str]:
    """What may stand in a field of the message itself."""
    kind = kind_of(given)
    for field in _fields(kind) if kind is not None else ():
        if place == f"$.{field.encode_name}":
            return _literals(msgspec.inspect.type_info(field.type))
    return ()


def _literals(kind: msgspec.inspect.Type) -> Sequence[str]:
    if isinstance(kind, msgspec.inspect.UnionType):
        return [each for part in kind.types for each in _literals(part)]
    return [str(each) for each in kind.values] if isinstance(kind, msgspec.inspect.LiteralType) else ()


@cache
def _fields(kind: type[Message]) -> Sequence[msgspec.structs.FieldInfo]:
    return msgspec.structs.fields(kind)


def _names(allowed: Sequence[type[Message]]) -> Sequence[str]:
    return [kind.__name__ for kind in allowed] or list(KINDS)


def _near(value: object, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, names, n=1) if isinstance(value, str) and len(value) <= MAX_PART else []
    return f"did you mean {near[0]!r}?" if near else f"it is one of {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    some = list(islice(names, 9))
    return ", ".join(map(repr, some[:8])) + (", …" if len(some) > 8 else "") if some else "those of the type"


def _short(value: object) -> str:
    """A value as it may be quoted, however long it is."""
    return repr(value[:40]) if isinstance(value, str) else f"{value!r:.40}"
