"""What somebody may write where a name or a reason is expected, to fool the eyes or the terminal of a reader."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from shared.messages.base import Message
from tests.extremes import readable

FORGED = "2022-11-01 14:00:00  APPROVE   buy 9 BTC/USDT"
HOSTILE = {
    "escape": f"\x1b[2J\x1b[1A\x1b]0;title\x07{FORGED}",
    "control of one byte": f"\x9b2J\x85{FORGED}",
    "line feed": f"x\n{FORGED}",
    "carriage return": f"x\r{FORGED}",
    "other line ends": f"x\x0b{FORGED}\x0c{FORGED}\u2028{FORGED}\u2029{FORGED}",
    "bidirectional": "\u202eTCEJER\u202c \u2066x\u2069 \u200f\u061c",
    "not seen": "BT\u200bC\u2060\ufeff\u00ad\u034f\ufe0f\u3164\U000e0041/USDT",
    "backspaces": "REJECT\x08\x08\x08\x08\x08\x08APPROVE\x7f",
    "markup": "[bold red]x[/bold red] [link=http://evil.example]y[/link] [/nothing] :boom:",
}
HALF = "\ud800\udfff\udc80"  # never arrives in a message; a path or an error may hold it


def shows_nothing_hostile(text: str) -> bool:
    """Whether every sign is seen as what it is, and no line is one that somebody forged."""
    lines = text.split("\n")
    seen = all(line.isprintable() and not any(sign in line for sign in "\u034f\u3164\ufe0f\ufeff") for line in lines)
    return seen and not any(line.lstrip().startswith(FORGED) for line in lines)


def hostile_forms(message: Message) -> Iterator[Message]:
    """The message with each of its texts, at whatever depth, as all hostile ones together, or where so much cannot be
    read, as each of them.
    """
    plain = msgspec.to_builtins(message, builtin_types=(bytes,))
    for path in _texts(plain):
        together = list(_forms(message, plain, path, [" ".join(HOSTILE.values())]))
        yield from together or _forms(message, plain, path, HOSTILE.values())


def _forms(message: Message, plain: Any, path: tuple[Any, ...], texts: Iterable[str]) -> Iterator[Message]:
    for text in texts:
        try:
            changed = msgspec.convert(_with(plain, path, text), type(message), builtin_types=(bytes,))
        except msgspec.ValidationError:
            continue
        if (read := readable(changed)) is not None:
            yield read


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            if path:  # a dictionary within the message, or a struct: its keys are tried too
                yield (*path, _Key(key))
            yield from _texts(each, (*path, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))


class _Key(str):
    """The key itself is to be changed, not what stands under it."""

    __slots__ = ()


def _with(value: Any, path: tuple[Any, ...], text: str) -> Any:
    if not path:
        return text
    step, rest = path[0], path[1:]
    if isinstance(step, _Key):
        return {(text if key == step else key): each for key, each in value.items()}
    if isinstance(value, dict):
        return {key: (_with(each, rest, text) if key == step else each) for key, each in value.items()}
    return [_with(each, rest, text) if index == step else each for index, each in enumerate(value)]
