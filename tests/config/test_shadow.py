"""The second limits file: what differs is written there, and it is read as strictly as everything else."""

from pathlib import Path

import pytest
from msgspec import structs

from shared.config.load import load_settings
from tests.config.wrong_settings import faults_of, the_fault
from tests.shipped import SHIPPED


def test_without_a_second_file_there_are_no_shadow_limits() -> None:
    assert load_settings(SHIPPED, {}).plan.shadow is None


def test_the_second_file_holds_what_differs_and_the_rest_is_as_in_the_first(config_dir: Path) -> None:
    (config_dir / "shadow.toml").write_text("[limits]\nheat = 0.06\n")
    plan = load_settings(config_dir, {"HEATSINK_LIMITS__DRAWDOWN": "0.2"}).plan
    assert plan.shadow == structs.replace(plan.limits, heat=0.06)
    assert (plan.limits.heat, plan.shadow.drawdown) == (0.08, 0.2)


def test_the_shipped_example_is_sound(config_dir: Path) -> None:
    (config_dir / "shadow.toml.example").rename(config_dir / "shadow.toml")
    shadow = load_settings(config_dir, {}).plan.shadow
    assert shadow is not None
    assert shadow.heat == 0.06


@pytest.mark.parametrize("place", ["tighter.toml", "../elsewhere.toml"])
def test_another_file_can_be_named_beside_the_configuration_or_elsewhere(config_dir: Path, place: str) -> None:
    (config_dir / place).write_text("[limits]\nheat = 0.05\n")
    shadow = load_settings(config_dir, {"HEATSINK_PORTFOLIO__SHADOW_LIMITS": place}).plan.shadow
    assert shadow is not None
    assert shadow.heat == 0.05


def test_a_named_file_that_is_missing_is_a_fault_where_it_was_named(config_dir: Path) -> None:
    fault = the_fault(config_dir, {"HEATSINK_PORTFOLIO__SHADOW_LIMITS": "none.toml"})
    assert (fault.file, fault.key, fault.problem) == (
        "environment",
        "HEATSINK_PORTFOLIO__SHADOW_LIMITS",
        "no such file",
    )


def test_a_shadow_file_beside_the_one_that_is_named_is_read_by_nobody(config_dir: Path) -> None:
    (config_dir / "shadow.toml").write_text("[limits]\nheat = 0.05\n")
    (config_dir / "tighter.toml").write_text("[limits]\nheat = 0.05\n")
    fault = the_fault(config_dir, {"HEATSINK_PORTFOLIO__SHADOW_LIMITS": "tighter.toml"})
    assert fault.file.endswith("shadow.toml")
    assert fault.problem == "a file that nothing reads"


@pytest.mark.parametrize(
    ("text", "key", "problem", "remedy"),
    [
        ("[limits]\nheat = 6", "limits.heat", "above 0 and at most 1", "write 0.06 for 6 %"),
        ("[limits]\nheet = 0.06", "limits.heet", "no such key", 'Did you mean "heat"?'),
        ('[limits]\nheat = "0.06"', "limits.heat", "a number", "without quotes: 0.06"),
        ("[limits]\npair_cap_nav = 0.3", "limits.pair_cap_nav", "its whole sector", "Lower"),
        ("[limits]\nheat = 0.06\n[costs]\nfee = 0.1", "costs", "no such section", "limits.toml"),
        ("heat = 0.06", "heat", "no such key", "limits"),
        ("[limits]", "limits", "no limit in it", "heat = 0.06"),
        ("limits = 3", "limits", "a table was expected", "[limits]"),
        ("[limits", "", "not TOML", "Correct the line"),
    ],
)
def test_a_fault_in_it_names_file_key_problem_and_remedy(
    config_dir: Path, text: str, key: str, problem: str, remedy: str
) -> None:
    (config_dir / "shadow.toml").write_text(text)
    fault = faults_of(config_dir)[0]
    assert fault.file.endswith("shadow.toml")
    assert fault.key == key
    assert problem in fault.problem
    assert remedy in fault.remedy


def test_faults_of_both_files_come_at_once_and_each_is_told_once(config_dir: Path) -> None:
    path = config_dir / "limits.toml"
    path.write_text(path.read_text().replace("heat = 0.08 ", "heat = 8 "))
    (config_dir / "shadow.toml").write_text("[limits]\ndrawdown = 20\n")
    assert [(Path(fault.file).name, fault.key) for fault in faults_of(config_dir)] == [
        ("limits.toml", "limits.heat"),
        ("shadow.toml", "limits.drawdown"),
    ]
