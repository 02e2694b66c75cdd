"""Lengths of bars."""

import pytest

from shared.domain.timeframes import KLINE_INTERVALS_MS, kline_interval, timeframe_ns


def test_every_kline_interval_of_a_fixed_length_is_a_timeframe() -> None:
    fixed = {name: length for name, length in KLINE_INTERVALS_MS.items() if name not in ("1w", "1M")}
    assert {name: timeframe_ns(name) // 1_000_000 for name in fixed} == fixed


def test_the_interval_of_bars_is_known_by_the_distance_between_them() -> None:
    assert [kline_interval(length) for length in KLINE_INTERVALS_MS.values()] == list(KLINE_INTERVALS_MS)
    with pytest.raises(ValueError, match="bars 7 ms apart have no kline interval; expected one of 1s, "):
        kline_interval(7)
