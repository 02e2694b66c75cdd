"""The process in which a strategy file is tried: whatever it does there comes back as a fault."""

import pytest

from shared.adapters.strategy_trial.run import trial_faults
from shared.config.model import MarketDataSettings, Settings
from shared.domain.plan import Plan, StrategyPlan
from tests.domain.market_scripts import UNIVERSE, strategy
from tests.domain.strategies.files import FOLLOWS, file_plan, says

pytestmark = pytest.mark.processes


def faults(*strategies: StrategyPlan, seconds: float = 60.0, **market_data: int) -> list[str]:
    settings = Settings(
        universe=UNIVERSE, plan=Plan(strategies=strategies), market_data=MarketDataSettings(**market_data)
    )
    return [str(fault) for fault in trial_faults(settings, seconds=seconds)]


def test_sound_files_and_built_in_strategies_have_no_fault() -> None:
    printing = says("print('{}') or 0.5")
    assert faults(strategy("trend"), file_plan(FOLLOWS), file_plan(printing, name="prints")) == []


@pytest.mark.parametrize(
    "source",
    ["while True: pass\n" + FOLLOWS, "import time\n" + says("time.sleep(1000)"), says("[0 for _ in iter(int, 1)]")],
)
def test_a_file_that_hangs_is_found(source: str) -> None:
    [fault] = faults(strategy("trend"), file_plan(source), seconds=2.0)
    assert fault.startswith(
        "strategies.toml: strategies[1].file = strategies/mine.py: class Mine of strategies/mine.py: "
    )
    assert "it was not done within 2 seconds. Remove the loop, the wait or the network access" in fault


def test_a_file_that_ends_its_process_is_found() -> None:
    [fault] = faults(file_plan("import os\n" + says("os._exit(7)")))
    assert "it ended the process that tried it (exit code 7). Remove what ends the process" in fault
    [fault] = faults(
        file_plan("import os, sys\n" + says("sys.stderr.write('gone') and sys.stderr.flush() or os.abort()"))
    )
    assert "exit code -6" in fault
    assert "gone" in fault


def test_what_a_trial_finds_comes_back_with_its_place_and_remedy() -> None:
    [fault] = faults(file_plan(says("'long'")))
    assert fault.startswith(
        "strategies.toml: strategies[0].class_name = Mine: strategy mine, class Mine of strategies/"
    )
    assert "on_bar returned 'long'" in fault
    assert fault.endswith("some without volume or any movement.")


def test_a_strategy_that_needs_more_history_than_is_loaded_is_found() -> None:
    long = file_plan(parameters={"length": 300.0})
    [fault] = faults(long)
    assert "strategies[0].warmup_bars = 300" in fault
    assert "Raise market_data.warmup_bars in stack.toml to 300, or shorten the strategy's windows." in fault
    assert faults(long, warmup_bars=300) == []
    daily = file_plan(timeframe="1d", parameters={"length": 100.0})
    assert "market_data.warmup_days = 90" in faults(daily)[0]
