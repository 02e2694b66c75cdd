"""The second limits file, evaluated beside the live one: ``shadow.toml`` in the configuration, or the one named.

It holds ``[limits]`` with those that differ; the others are the live ones. Reading it must come after all checks of the
live limits, because places of faults are remembered by key.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from shared.config.checks import check_limits
from shared.config.model import PortfolioSettings
from shared.config.tables import Tables, unread_keys
from shared.domain.plan import Limits

SHADOW_FILE = "shadow.toml"


def shadow_path(folder: Path, portfolio: PortfolioSettings | None) -> Path | None:
    """Where the shadow limits stand: as named (relative to the configuration's folder), or where they usually do."""
    if portfolio is not None and portfolio.shadow_limits:
        return folder / portfolio.shadow_limits
    usual = folder / SHADOW_FILE
    return usual if os.path.isfile(usual) else None


def read_shadow(
    tables: Tables, path: Path | None, live: Limits | None, homes: Mapping[str, str], stack_file: str
) -> Limits | None:
    """The shadow limits; None when there are none, or when a fault was found."""
    if path is None:
        return None
    document = _document(tables, path, stack_file)
    if document is None:
        return None
    file = str(path)
    unread_keys(tables, file, document, ("limits",), homes)
    table = document.get("limits", {})
    if not table:
        remedy = f"Write [limits] and those that differ, such as heat = 0.06; or remove {path.name}."
        tables.fault(file, "limits", None, "there is no limit in it", remedy)
        return None
    if not isinstance(table, dict):
        tables.fault(
            file, "limits", table, "a table was expected here", "Write a line [limits], and its keys under it."
        )
        return None
    found = tables.struct(Limits, file, "limits", table)
    if found is None or live is None:
        return None
    own = {key: getattr(found, key) for key in table if key in Limits.__struct_fields__}
    shadow = structs.replace(live, **own)
    check_limits(tables, file, shadow)
    return shadow


def _document(tables: Tables, path: Path, stack_file: str) -> dict[str, Any] | None:
    try:
        return tables.document(path)
    except FileNotFoundError:
        remedy = "Write the path of a TOML file with [limits], or leave it empty for none."
        tables.fault_at("portfolio.shadow_limits", stack_file, str(path), "no such file", remedy)
        return None
