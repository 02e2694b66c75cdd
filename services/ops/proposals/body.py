"""From the bytes of a request to what its sender wrote: one JSON object with fields that are known, each once."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from services.ops.proposals.answers import RequestRefusedError
from shared.adapters.codec import odd_amount
from shared.config.faults import did_you_mean

# What a field may be called as well, as others call it.
ALIASES = {"pair": "symbol", "ticker": "symbol", "action": "side", "stop": "stop_price", "limit": "limit_price"}
AMOUNTS = ("quantity", "usdt", "stop_price", "stop_percent", "limit_price", "expires_seconds")
TEXTS = ("token", "id", "symbol", "side", "intent", "size", "strategy", "comment")
LONGEST_KEY = 200
_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_UNFILLED = re.compile(r"\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Body:
    """The fields that were given, under their own names; amounts are exact."""

    fields: dict[str, str | Decimal]

    def text(self, name: str) -> str:
        """Empty where it was not given."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else f"{value:f}"

    def amount(self, name: str) -> Decimal | None:
        """None where it was not given. Raises ``RequestRefusedError``."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            if not _PLAIN.fullmatch(value):
                refuse(name, value, "no amount above 0", f'Write a number such as 0.25, or "0.25"{_of_nan(value)}.')
            value = Decimal(value)
        if fault := odd_amount(value) or ("it must be above 0" if value <= 0 else ""):
            refuse(name, value, fault, "Write a number above 0.")
        return value


def read_body(body: bytes) -> Body:
    """Raises ``RequestRefusedError``."""
    try:
        given = json.loads(
            body.decode(), parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number, object_pairs_hook=_once
        )
    except UnicodeDecodeError:
        raise _no_json("the body is no UTF-8 text") from None
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise _no_json(f"the body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise _no_json(f"the body is a {_kind_of(given)}")
    fields: dict[str, str | Decimal] = {}
    for written, value in given.items():
        name = ALIASES.get(written, written)
        if name not in AMOUNTS and name not in TEXTS:
            refuse(written, value, "no such field", did_you_mean(written, [*TEXTS, *AMOUNTS, *ALIASES]))
        if value is None:
            continue
        if name in fields:
            refuse(written, value, f"{name} was given already, under another name", "Leave out one of the two.")
        if not isinstance(value, str | Decimal):
            refuse(written, value, f"a {_kind_of(value)}", "Write text or a number.")
        if isinstance(value, str) and name != "comment" and (placeholder := _UNFILLED.search(value)):
            problem = f"{placeholder[0]} was not filled in"
            refuse(written, _hidden(name, value), problem, "See the list of placeholders of TradingView for alerts.")
        fields[name] = value.strip() if isinstance(value, str) else value
    return Body({name: value for name, value in fields.items() if value != ""})


def key_of(body: Body, header: str) -> str:
    """The key that the sender chose: the field ``id`` or the header Idempotency-Key. Raises ``RequestRefusedError``."""
    written, header = body.text("id"), header.strip().strip('"')
    if written and header and written != header:
        refuse("id", written, f"the header Idempotency-Key says {header!r:.80}", "Write one of the two.")
    key = written or header
    if not key:
        remedy = 'Write an id that is another one for each order, such as "id": "long-{{timenow}}" in TradingView.'
        raise RequestRefusedError(
            400, "missing", "an order needs an id, so that it is not placed twice", remedy, field="id"
        )
    return checked_key(key)


def checked_key(key: str) -> str:
    """Raises ``RequestRefusedError``."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        refuse("id", key, "no id", f"Write 1 to {LONGEST_KEY} signs that can be printed.")
    return key


def refuse(field: str, value: object, reason: str, remedy: str) -> NoReturn:
    """A field that is wrong."""
    raise RequestRefusedError(422, "malformed", f"{field}: {reason}", remedy, field=field, value=_hidden(field, value))


def _hidden(field: str, value: object) -> object:
    return "***" if field == "token" else value


def _no_json(reason: str) -> RequestRefusedError:
    remedy = 'Write one JSON object, such as {"symbol": "BTCUSDT", ...}; a placeholder of text stands in quotes.'
    return RequestRefusedError(400, "malformed", reason, remedy)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the field {name!r:.40} stands there twice")
        found[name] = value
    return found


def _kind_of(value: object) -> str:
    kinds = {dict: "object", list: "list", bool: "true or false", str: "text", Decimal: "number"}
    return kinds.get(type(value), "null")


def _of_nan(value: str) -> str:
    return "; a plot that has no value yet is NaN" if value.lower() in ("nan", "na") else ""
