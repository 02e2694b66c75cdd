"""Amounts as every reader writes them: ``0.00000001``, never ``1E-8``.

``str`` of a small ``Decimal`` has an exponent, and msgspec writes what ``str`` says. Exchanges refuse such a number,
and few programs in other languages expect one.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec


def encode_plainly(encode: Callable[[Any], bytes], value: Any) -> bytes:
    """What ``encode`` makes of the value, with every ``Decimal`` in it written without an exponent.

    Nearly no amount needs it, so it is looked for in what was written: an exponent of ``str`` always has its sign.
    """
    body = encode(value)
    return encode(_plain(value)) if b"E-" in body or b"E+" in body else body


def json_bytes(value: Any) -> bytes:
    """The value as JSON for people's programs. What JSON does not know is written as text."""
    return encode_plainly(_json.encode, value)


_json = msgspec.json.Encoder(enc_hook=str)


def _plain(value: Any) -> Any:
    """The value in plain containers, in the same order, its amounts as text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.to_builtins(value, builtin_types=(bytes, Decimal)))
    return value
