"""The ramp as phases.toml and the environment give it."""

import shutil
from pathlib import Path

import pytest

from shared.config.faults import ConfigError
from shared.config.load import default_config_dir, load_settings
from shared.domain.plan import Plan, RampPlan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_config_dir({}), tmp_path / "config"))


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "phases.toml"
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))


def test_the_shipped_ramp_is_the_default_of_the_code() -> None:
    plan = load_settings(default_config_dir({}), {}).plan
    assert (plan.phases, plan.ramp) == (Plan().phases, RampPlan())


def test_the_environment_makes_it_a_rehearsal_and_sends_orders_elsewhere() -> None:
    settings = load_settings(
        default_config_dir({}), {"HEATSINK_RAMP__REHEARSAL": "true", "HEATSINK_EXCHANGE__ORDERS": "exchange"}
    )
    assert settings.plan.ramp.rehearsal
    assert settings.exchange.orders == "exchange"


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("from_day = 60", "from_day = 10", "phases[2].from_day", "'live' before it begins later, on day 15"),
        ("from_day = 15", "from_day = 0", "phases[1].from_day", "at least 1"),
        ("demote_over = 0.10 ", "demote_over = 10", "phases[1].demote_over", "above 0 and at most 1"),
        ('start = ""', 'start = "1.11.2022"', "ramp.start", "not a date"),
        ("automatic = false", "automatc = false", "ramp.automatc", "no such key"),
        ("rehearsal = false", 'rehearsal = "no"', "ramp.rehearsal", "true or false"),
    ],
)
def test_a_ramp_that_cannot_be_is_named(folder: Path, old: str, new: str, key: str, problem: str) -> None:
    edit(folder, old, new)
    with pytest.raises(ConfigError) as caught:
        load_settings(folder, {})
    [fault] = caught.value.faults
    assert fault.key == key
    assert problem in fault.problem
