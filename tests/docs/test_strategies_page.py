"""The page on strategies: its program is a strategy file that passes, and the shipped example is one too."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from services.wiring import BY_NAME, SIGNALS
from shared.adapters.strategy_trial.trial import Trial, TrialResult, try_strategy
from shared.config.load import load_settings
from shared.domain.plan import StrategyPlan
from shared.domain.strategies.base import Parameters
from shared.domain.strategies.from_file import source_digest
from shared.domain.strategies.registry import STRATEGIES, build_strategy
from shared.messages.market import BarClosed
from tests.docs.pages import DOCS, ROOT, program, snippets, text_of
from tests.domain.strategies.closes import wishes
from tests.domain.strategies.files import config_with
from tests.shipped import SHIPPED

PAGE = text_of(DOCS / "strategies.md")
MINE = program("mine.py")
EXAMPLE = ROOT / "deploy" / "config" / "strategies" / "tsmom.py"


def of_the_page(place: Path) -> StrategyPlan:
    [table] = [each.text for each in snippets("toml") if 'kind = "file"' in each.text]
    [strategy] = load_settings(config_with(place, MINE, table), {}).plan.strategies
    return strategy


def test_the_program_of_the_page_passes_its_trial_and_has_the_digest_that_is_printed(tmp_path: Path) -> None:
    strategy = of_the_page(tmp_path)
    assert try_strategy(Trial(strategy=strategy, symbols=("BTC/USDT",))) == TrialResult(warmup_bars=49)
    assert f"mine 1h x 1 (strategies/mine.py, {source_digest(strategy)})" in PAGE


@pytest.mark.processes
def test_the_shipped_example_passes_with_the_table_that_stands_in_it(tmp_path: Path) -> None:
    about = ast.get_docstring(ast.parse(EXAMPLE.read_text()))
    assert about is not None
    table = about[about.index("[[strategies]]") :]
    settings = load_settings(config_with(tmp_path, MINE, table), {})
    BY_NAME[SIGNALS].check(settings)
    [strategy] = settings.plan.strategies
    assert build_strategy(strategy).warmup_bars == 169
    assert wishes(build_strategy(strategy), [*range(1, 170), 1.5, 0.5])[167:] == [None, 1.0, 0.0, 0.0]


def test_the_table_of_the_page_has_every_built_in_kind_with_its_defaults() -> None:
    table = PAGE.partition("## Built-in strategies")[2].partition("\n\nEach")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*?\|([^|]*)\|[^|]*\|$", table.partition("|---")[2], re.MULTILINE))
    kinds = {kind.name: kind for kind in STRATEGIES if kind.parameters}
    assert list(rows) == list(kinds)
    for name, kind in kinds.items():
        shown = dict(re.findall(r"`(\w+)` ([\d.]+)", rows[name]))
        assert {key: float(text) for key, text in shown.items()} == {
            each.name: float(each.default) for each in kind.parameters
        }
        assert isinstance(kind.completed({}), Parameters)


def test_the_page_names_every_field_of_a_bar_that_is_about_the_market() -> None:
    sentence = PAGE.partition("`bar` has")[2].partition("It cannot be changed")[0]
    own = {"id", "time_ns", "cause", "trace", "v"}
    assert set(re.findall(r"`(\w+)`", sentence)) == set(BarClosed.__struct_fields__) - own


def test_the_file_of_strategies_shows_the_keys_of_a_file_as_the_example_has_them() -> None:
    text = (SHIPPED / "strategies.toml").read_text()
    keys = "\n".join(re.findall(r'^# ((?:file|class_name) = "[^"]+")', text, re.MULTILINE))
    shown = tomllib.loads(keys)
    assert (SHIPPED / shown["file"]) == EXAMPLE
    assert f"class {shown['class_name']}:" in EXAMPLE.read_text()
