"""What follows from settings by themselves."""

import pytest

from shared.config.model import SimulatorSettings


def test_a_replay_without_a_date_is_refused() -> None:
    with pytest.raises(ValueError, match=r"simulator\.start"):
        SimulatorSettings(replay="klines.parquet").start_ns(0)
    assert SimulatorSettings().start_ns(5) == 5


def test_a_market_begins_at_midnight_of_its_first_day_or_at_its_hour() -> None:
    day = 1_667_260_800_000_000_000
    assert SimulatorSettings(start="2022-11-01").start_ns(5) == day
    assert SimulatorSettings(start="2022-11-01T06:00").start_ns(5) == day + 6 * 3_600_000_000_000
    assert SimulatorSettings(start="2022-11-01T06:00+06:00").start_ns(5) == day
