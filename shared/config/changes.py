"""Settings that are changed for one run: ``--set limits.heat=0.06``. They win over the files and the environment.

A change names a key as the files do: ``limits.heat``, ``phase``, and, for a strategy or a phase by its name,
``strategies.donchian.weight``, ``strategies.donchian.entry`` (one of its parameters), ``phases.live.scale``.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from shared.config.faults import did_you_mean
from shared.config.tables import Override, Tables
from shared.domain.plan import PhasePlan, StrategyPlan

OPTION = "--set"
PHASE_KEY = "phase"
ROWS = {"strategies": ("strategies.toml", StrategyPlan), "phases": ("phases.toml", PhasePlan)}


def read_changes(
    tables: Tables,
    changes: Mapping[str, str],
    keys: Sequence[tuple[str, str]],
    documents: Mapping[str, dict[str, Any]],
) -> None:
    """Changes of sections into ``tables``, those of rows into ``documents``. keys: section and key of every setting."""
    known = {f"{section}.{key}": (section, key) for section, key in keys}
    for name, text in changes.items():
        kind, _, rest = name.partition(".")
        if name in known:
            tables.overrides[known[name]] = Override(OPTION, name, text)
        elif name == PHASE_KEY:
            documents.get("phases.toml", {})[PHASE_KEY] = text
        elif kind in ROWS and rest.count(".") == 1:
            _change_row(tables, name, text, documents)
        else:
            tables.fault(OPTION, name, text, "no such setting", did_you_mean(name, [*known, PHASE_KEY]))


def _change_row(tables: Tables, name: str, text: str, documents: Mapping[str, dict[str, Any]]) -> None:
    """One key of the row that the name means; a key that a strategy has not is one of its parameters."""
    kind, row_name, key = name.split(".")
    file, struct = ROWS[kind]
    rows = [row for row in documents.get(file, {}).get(kind, []) if isinstance(row, dict)]
    row = next((row for row in rows if row.get("name") == row_name), None)
    if row is None:
        names = [str(row.get("name")) for row in rows]
        tables.fault(OPTION, name, text, f"no row of [[{kind}]] is named {row_name}", did_you_mean(row_name, names))
    elif key in struct.__struct_fields__:
        row[key] = _value(text)
    elif struct is StrategyPlan:
        row["parameters"] = {**row.get("parameters", {}), key: _value(text)}
    else:
        tables.fault(OPTION, name, text, "no such key", did_you_mean(key, struct.__struct_fields__))


def _value(text: str) -> object:
    """What the text means in TOML; text without quotes is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # a number too long, lists too deep
        return text
