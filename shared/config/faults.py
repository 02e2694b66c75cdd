"""Faults in the configuration, each with its place, what was expected and what to do; raised all at once."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import NODEFAULT

from shared.domain.numbers import range_in_words
from shared.domain.safe_text import safe

ENVIRONMENT = "environment"
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again would end the same way


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to put right.

    file: the path as it was opened, or ``environment``.
    key: dotted (``limits.heat``, ``strategies[1].weight``), the name of the variable, or empty for the whole file.
    value: what stands there, as text.
    problem: what is wrong with it.
    remedy: what to write instead.
    """

    file: str
    key: str
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        shown = f" = {self.value}" if self.value else ""
        return safe(f"{place}{shown}: {self.problem}. {self.remedy}")


class ConfigError(ValueError):
    """The configuration cannot be used; ``faults`` holds everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"{count} fault{'s' * (count != 1)} in the configuration:\n{lines}")


def shown(value: object) -> str:
    """A TOML value as people wrote it, cut to a readable length."""
    text = f'"{safe(value)}"' if isinstance(value, str) else _written(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= 80 else f"{text[:77]}..."


def _written(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean "heat"?`` for a near miss, otherwise the names there are."""
    names = list(known)
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{folded[near[0]]}"?'
    return f"Known: {', '.join(names)}."


def described(kind: object) -> str:
    """A field's type in words: ``a number above 0 and at most 1``."""
    info = msgspec.inspect.type_info(kind)
    match info:
        case msgspec.inspect.FloatType() | msgspec.inspect.IntType():
            return range_in_words(info)
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.LiteralType():
            return " or ".join(f'"{value}"' for value in info.values)
        case msgspec.inspect.StrType():
            pattern = f" of the form {info.pattern}".replace(r"\Z", "$") if info.pattern else ""
            longest = f" of at most {info.max_length} characters" if info.max_length else ""
            return f"text in quotes{pattern}{longest}"
        case msgspec.inspect.DecimalType():
            return 'an exact number in quotes, such as "1"'
        case msgspec.inspect.DateType():
            return "a date without quotes, such as 2024-09-13"
        case msgspec.inspect.DictType():
            return "a table of numbers, such as { entry = 20, exit = 10 }"
        case msgspec.inspect.VarTupleType():
            return f"a list of {', '.join(names_of(info)) or 'names'}"
        case _:
            return "another type"


def names_of(info: msgspec.inspect.VarTupleType) -> list[str]:
    """The names that may stand in a list; empty for any."""
    item = info.item_type
    return [str(value) for value in item.values] if isinstance(item, msgspec.inspect.LiteralType) else []


def is_list(kind: object) -> bool:
    """Whether a field holds a list."""
    return isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.VarTupleType)


def is_number(kind: object) -> bool:
    """Whether a field holds a float or an integer."""
    info = msgspec.inspect.type_info(kind)
    return isinstance(info, msgspec.inspect.FloatType | msgspec.inspect.IntType)


def remedy_for(value: object, kind: object, default: object) -> str:
    """The most helpful sentence for a value of the wrong type or out of bounds."""
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.LiteralType) and isinstance(value, str):
        return did_you_mean(value, [str(known) for known in info.values])
    if isinstance(info, msgspec.inspect.VarTupleType):
        return _remedy_for_list(value, names_of(info))
    if isinstance(info, msgspec.inspect.FloatType) and _is_percentage(value, info):
        return f"A fraction is expected: write {float(str(value)) / 100:g} for {value:g} %."
    if is_number(kind) and isinstance(value, str) and not isinstance(as_number(value), str):
        return f"Write it without quotes: {value}."
    if default is NODEFAULT or default is msgspec.UNSET:
        return f"Write {described(kind)}."
    return f"Write {described(kind)}; the default is {shown(default)}."


def _remedy_for_list(value: object, known: list[str]) -> str:
    if isinstance(value, list) and any(set("[]\"'") & set(str(each)) for each in value):
        value = [name for each in value if (name := str(each).strip("[]\"'"))]  # a list as TOML writes it
        if all(name in known for name in value):
            return f"Write it with commas: {','.join(value)}." if value else "Leave it empty for none."
    if isinstance(value, list) and (strange := [each for each in value if str(each) not in known]):
        return did_you_mean(str(strange[0]), known)
    example = known[:2] or ["one", "two"]
    return f"""Write [] or ["{'", "'.join(example)}"]; in a variable, {",".join(example)}."""


def _is_percentage(value: object, info: msgspec.inspect.FloatType) -> bool:
    return info.le == 1 and isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= 100


def as_number(text: str) -> float | str:
    """The number a text reads as; the text itself when it is none."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
