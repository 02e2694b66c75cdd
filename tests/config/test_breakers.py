"""``[breakers]``: wrong values are named with file, key, problem and remedy."""

from pathlib import Path

import pytest

from shared.config.faults import ConfigError
from shared.config.load import load_settings
from shared.domain.plan import BreakerPlan
from tests.shipped import SHIPPED


def with_change(folder: Path, old: str, new: str) -> Path:
    for path in SHIPPED.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        if path.name == "limits.toml":
            assert text.count(old) == 1
            text = text.replace(old, new)
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_breakers_are_the_defaults_of_the_code() -> None:
    assert load_settings(SHIPPED, {}).plan.breakers == BreakerPlan()


@pytest.mark.parametrize(
    ("old", "new", "key", "problem", "remedy"),
    [
        ("drawdown_warning = 0.10", "drawdown_warning = 0.15", "breakers.drawdown_warning", "no sooner", "Lower"),
        ("shock_gap_minutes = 10.0", "shock_gap_minutes = 61.0", "breakers.shock_gap_minutes", "forgotten", "60"),
        ('shock_pair = "BTC/USDT"', 'shock_pair = "BITC/USDT"', "breakers.shock_pair", "no pair", "BTC/USDT"),
        ("day_loss = 0.05", "day_loss = 5", "breakers.day_loss", "at most 1", "write 0.05 for 5 %"),
        ("cool_down_minutes = 60.0", "cool_down_minutes = 1e300", "breakers.cool_down_minutes", "at most", "60"),
        ("cool_down_minutes = 60.0", "cool_down_minutes = 525601", "breakers.cool_down_minutes", "at most", "60"),
        ("cool_down_minutes = 60.0", "cool_down_minutes = inf", "breakers.cool_down_minutes", "at most", "60"),
        ("resume_seconds = 60.0", "resume_seconds = 86401.0", "breakers.resume_seconds", "at most", "60"),
        ("off = []", 'off = ["gaps"]', "breakers.off", "a list of day_loss", "gap"),
        ("heat_clear = 0.98", "heat_cleared = 0.98", "breakers.heat_cleared", "no such key", "heat_clear"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_remedy(
    tmp_path: Path, old: str, new: str, key: str, problem: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(with_change(tmp_path, old, new), {})
    [fault] = caught.value.faults
    assert fault.key == key
    assert problem in fault.problem
    assert remedy in fault.remedy


def test_breakers_can_be_switched_off_and_set_by_the_environment(tmp_path: Path) -> None:
    folder = with_change(tmp_path, "off = []", 'off = ["liquidity", "gap"]')
    breakers = load_settings(folder, {"HEATSINK_BREAKERS__DAY_LOSS": "0.03", "HEATSINK_BREAKERS__REDUCE_HEAT": "true"})
    assert breakers.plan.breakers.off == ("liquidity", "gap")
    assert (breakers.plan.breakers.day_loss, breakers.plan.breakers.reduce_heat) == (0.03, True)
