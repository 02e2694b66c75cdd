"""Settings that are changed for one run, as ``--set`` changes them."""

from pathlib import Path

import pytest

from shared.config.faults import ConfigError
from shared.config.load import load_settings
from tests.shipped import SHIPPED


def test_a_change_wins_over_the_file_and_the_environment() -> None:
    changes = {"limits.heat": "0.06", "phase": "live", "breakers.off": "gap,heat"}
    environ = {"HEATSINK_LIMITS__HEAT": "0.07", "HEATSINK_PHASE": "scaled"}
    plan = load_settings(SHIPPED, environ, changes).plan
    assert (plan.limits.heat, plan.phase, plan.breakers.off) == (0.06, "live", ("gap", "heat"))


def test_a_strategy_and_a_phase_are_changed_by_their_names() -> None:
    changes = {
        "strategies.donchian.entry": "40",
        "strategies.donchian.weight": "0.25",
        "strategies.momentum.timeframe": "4h",
        "phases.live.scale": "0.5",
    }
    plan = load_settings(SHIPPED, {}, changes).plan
    [donchian, momentum] = plan.strategies
    assert (donchian.parameters, donchian.weight) == ({"entry": 40, "exit": 10}, 0.25)
    assert momentum.timeframe == "4h"
    live = plan.phase_named("live")
    assert live is not None
    assert live.scale == 0.5


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("limits.heet", "0.06", 'no such setting. Did you mean "limits.heat"?'),
        ("limits.heat", "6", "expected a number above 0 and at most 1"),
        ("strategies.dongchian.entry", "40", 'no row of [[strategies]] is named dongchian. Did you mean "donchian"?'),
        ("strategies.donchian.entri", "40", "entri"),
        ("strategies.donchian.entry", "many", "many"),
        ("phases.live.skale", "1", 'no such key. Did you mean "scale"?'),
        ("phase", "lave", 'Did you mean "live"?'),
        ("strategies.donchian.a.b", "1", "no such setting"),
        ("", "1", "no such setting"),
    ],
)
def test_a_wrong_change_is_told_with_its_name_and_a_remedy(name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings(SHIPPED, {}, {name: text})
    assert told in str(error.value)


def test_a_change_is_told_beside_the_faults_of_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"limits\.toml"):
        load_settings(tmp_path, {}, {"strategies.donchian.entry": "40"})
