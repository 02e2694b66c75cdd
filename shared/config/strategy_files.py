"""The files of strategies that users bring: they are read with the configuration, once, and not run here."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from shared.config.bounded_files import MOST_BYTES, read_bounded
from shared.config.tables import Tables
from shared.domain.plan import StrategyPlan, StrategyTable
from shared.domain.strategies.from_file import FILE


def with_sources(tables: Tables, folder: Path, rows: Sequence[StrategyTable]) -> tuple[StrategyPlan, ...]:
    """The strategies with the text of their files. folder: where relative paths start."""
    toml = str(folder / "strategies.toml")
    plans = []
    for index, row in enumerate(rows):
        source = _source(tables, toml, f"strategies[{index}]", folder, row)
        plans.append(StrategyPlan(**structs.asdict(row), source=source))
    return tuple(plans)


def _source(tables: Tables, toml: str, place: str, folder: Path, row: StrategyTable) -> str:
    if row.kind != FILE:
        for key, value in (("file", row.file), ("class_name", row.class_name)):
            if value:
                remedy = f'Remove it, or write kind = "{FILE}".'
                tables.fault(toml, f"{place}.{key}", value, f'only kind = "{FILE}" has a file', remedy)
        return ""
    if not row.class_name:
        remedy = 'Add class_name = "Mine": the class in the file.'
        tables.fault(toml, f"{place}.class_name", None, 'the key "class_name" is missing', remedy)
    if not row.file:
        remedy = 'Add file = "strategies/mine.py": a path from the folder of strategies.toml.'
        tables.fault(toml, f"{place}.file", None, 'the key "file" is missing', remedy)
        return ""
    text, problem, remedy = _read(folder / row.file)
    if problem:
        tables.fault(toml, f"{place}.file", row.file, problem, remedy)
    return text if row.class_name else ""


def _read(path: Path) -> tuple[str, str, str]:
    """Text, problem and remedy."""
    if not os.path.isfile(path):  # not ``Path.is_file``, which raises where one may not look
        what = "a folder" if os.path.isdir(path) else "no such file"
        return "", f"{what}: {path}", "Write the path of a Python file, from the folder of strategies.toml."
    try:
        text = read_bounded(path).decode("utf-8-sig")
    except OSError as error:
        if error.errno == errno.EFBIG:
            return "", f"{path} has more than {MOST_BYTES:,} bytes", "Name a file with one strategy."
        return "", f"{path} cannot be read: {error.strerror}", "Let the user of the services read it."
    except UnicodeDecodeError as error:
        return "", f"{path} is not UTF-8 text, at byte {error.start}", "Save the file as UTF-8."
    if not text.strip():
        return "", f"{path} is empty", "Write the class with on_bar(self, bar) and warmup_bars in it."
    return text, "", ""
