"""TOML tables to frozen structs, field by field, so that every fault is found and not only the first."""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from shared.config.bounded_files import read_bounded
from shared.config.faults import (
    Fault,
    as_number,
    described,
    did_you_mean,
    is_list,
    is_number,
    remedy_for,
    shown,
)
from shared.config.secrecy import shown_value
from shared.domain.safe_text import safe

S = TypeVar("S", bound=Struct)
MOST_DEPTH = 8  # of tables and lists; no setting is as deep


class Override(NamedTuple):
    """What wins over a key of the files. source, place: where it was said, for faults."""

    source: str
    place: str
    text: str


class Tables:
    """Collects faults while tables are read.

    faults: all that were found so far.
    overrides: by section and key, what wins over the files.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.overrides: dict[tuple[str, str], Override] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def fault(self, file: str, key: str, value: object, problem: str, remedy: str) -> None:
        """Note what is wrong with a value (None: with its absence), and what to do about it."""
        text = "" if value is None else shown(shown_value(key, value))
        self.faults.append(Fault(file=file, key=safe(key), value=text, problem=problem, remedy=remedy))

    def fault_at(self, dotted: str, file: str, value: object, problem: str, remedy: str) -> None:
        """``fault`` of a value that ``struct`` read, with the variable as its place where one overrode it."""
        source, key = self._places.get(dotted, (file, dotted))
        self.fault(source, key, value, problem, remedy)

    def document(self, path: Path) -> dict[str, Any] | None:
        """What a TOML file holds; None, with a fault, where it cannot be read. Raises ``FileNotFoundError``."""
        try:
            document = tomllib.loads(read_bounded(path).decode("utf-8"))
        except FileNotFoundError:
            raise
        except OSError as error:
            problem = f"cannot be read: {error.strerror or error}"
            self.fault(str(path), "", None, problem, "Make it a readable UTF-8 file.")
        except UnicodeDecodeError as error:
            self.fault(str(path), "", None, f"cannot be read: {error}", "Make it a readable UTF-8 file.")
        except (ValueError, RecursionError) as error:  # a number too long, lists too deep
            remedy = "Correct the line; text wants quotes, and every section or key stands once."
            self.fault(str(path), "", None, f"not TOML: {error}", remedy)
        else:
            if not _is_deeper(document, MOST_DEPTH):
                return document
            problem = f"tables or lists within each other, more than {MOST_DEPTH} deep"
            self.fault(str(path), "", None, problem, "No setting is nested so: restore it from the shipped file.")
        return None

    def section(self, kind: type[S], file: str, name: str, table: object) -> S | None:
        """``[name]`` of a file as a struct of ``kind``, overridden by the environment; see ``struct``."""
        if not isinstance(table, dict):
            self.fault(file, name, table, "a table was expected here", f"Write a line [{name}], and its keys under it.")
            return None
        return self.struct(kind, file, name, table, section=name)

    def struct(self, kind: type[S], file: str, where: str, table: dict[str, Any], *, section: str = "") -> S | None:
        """A table at the dotted place ``where`` as a struct; every key is looked at.

        A number that could not be read is NaN, anything else its default, so that other checks can still be made: NaN
        fails no comparison. None when that is not possible.
        """
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        for key, value in table.items():
            if key not in fields:
                self.fault(file, f"{where}.{key}", value, "no such key", did_you_mean(key, fields))
        values: dict[str, Any] = {}
        for name, field in fields.items():
            place, source, given, strict = f"{where}.{name}", file, table.get(name, msgspec.UNSET), True
            if (section, name) in self.overrides:
                source, place, given = self.overrides[section, name]
                strict = False
            self._places[f"{where}.{name}"] = (source, place)
            if given is not msgspec.UNSET:
                self._convert(values, field, given, source, place, strict=strict)
            elif field.required:
                remedy = f"Add {name} = ...: {described(field.type)}."
                self.fault(file, place, None, f'the key "{name}" is missing', remedy)
                self._stand_in(values, field)
        return kind(**values) if all(name in values or not fields[name].required for name in fields) else None

    def _convert(
        self,
        values: dict[str, Any],
        field: msgspec.structs.FieldInfo,
        given: Any,
        source: str,
        place: str,
        *,
        strict: bool,
    ) -> None:
        """The value of a field into ``values``, or a fault and what stands in for it."""
        if isinstance(given, str) and safe(given) != given:
            self.fault(source, place, given, "a line break or a sign that cannot be seen", "Write it without.")
            self._stand_in(values, field)
            return
        meant = given if strict else _meant(given, field.type)
        try:
            value = msgspec.convert(meant if is_list(field.type) else given, field.type, strict=strict)
        except msgspec.ValidationError:
            problem = f"expected {described(field.type)}"
            self.fault(source, place, given, problem, remedy_for(meant, field.type, field.default))
            self._stand_in(values, field)
            return
        if isinstance(value, float) and not math.isfinite(value):
            self.fault(source, place, given, "expected a finite number", remedy_for(given, field.type, field.default))
            value = math.nan
        values[field.name] = value

    def _stand_in(self, values: dict[str, Any], field: msgspec.structs.FieldInfo) -> None:
        if is_number(field.type):
            values[field.name] = math.nan


def _is_deeper(value: object, depth: int) -> bool:
    """Whether something in the value stands more than so many levels deep."""
    level: list[object] = [value]
    for _ in range(depth):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [each for values in inner for each in values]
    return any(isinstance(each, dict | list) for each in level)


def _meant(text: str, kind: object) -> object:
    """What the text of a variable stands for: names with commas between are a list."""
    return [name for name in re.split(r"[\s,]+", text) if name] if is_list(kind) else as_number(text)


def unread_keys(
    tables: Tables, file: str, table: Mapping[str, object], known: tuple[str, ...], homes: Mapping[str, str]
) -> None:
    """Faults for top-level keys a file does not have; ``homes`` tells which file a known section belongs in."""
    for key, value in table.items():
        if key in known:
            continue
        near = difflib.get_close_matches(key.casefold(), [*known, *homes], n=1, cutoff=0.6)
        remedy = did_you_mean(key, known)
        if key in homes:
            remedy = f"[{key}] belongs in {homes[key]}."
        elif near and near[0] not in known:
            remedy = f'Did you mean "{near[0]}"? It belongs in {homes[near[0]]}.'
        what = "section" if isinstance(value, dict | list) else "key"
        shown_value = None if isinstance(value, dict | list) else value
        tables.fault(file, key, shown_value, f"no such {what}", remedy)
