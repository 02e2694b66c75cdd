"""Strategy files as texts, good ones and such that go wrong."""

import shutil
from pathlib import Path

from shared.domain.plan import StrategyPlan
from tests.shipped import SHIPPED

TABLE = """
[[strategies]]
name = "mine"
kind = "file"
file = "strategies/mine.py"
class_name = "Mine"
timeframe = "1h"
weight = 0.5
"""
FOLLOWS = """
class Mine:
    def __init__(self, length=3):
        self.warmup_bars = length
        self.closes = []

    def on_bar(self, bar):
        self.closes.append(bar.close)
        if len(self.closes) < self.warmup_bars:
            return None
        return 1.0 if bar.close > self.closes[-self.warmup_bars] else 0.0
"""


def config_with(place: Path, source: str, table: str = TABLE) -> Path:
    """A copy of the shipped configuration, with this file as its one strategy."""
    folder = Path(shutil.copytree(SHIPPED, place / "config"))
    (folder / "strategies.toml").write_text(table)
    (folder / "strategies" / "mine.py").write_text(source)
    return folder


def file_plan(source: str = FOLLOWS, **fields: object) -> StrategyPlan:
    """A row of kind ``file``, as the loader makes it."""
    usual: dict[str, object] = {
        "name": "mine", "kind": "file", "timeframe": "1h", "weight": 0.5, "file": "strategies/mine.py",
        "class_name": "Mine", "source": source,
    }  # fmt: skip
    return StrategyPlan(**(usual | fields))  # type: ignore[arg-type]


def says(expression: str, *, warmup: int = 1) -> str:
    """A file whose strategy answers with an expression of ``bar`` and ``self``; ``self.bars`` counts from 1."""
    return f"""
import math

class Mine:
    warmup_bars = {warmup}

    def __init__(self):
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        return {expression}
"""
