"""How amounts and times are written for people."""

import pytest

from shared.application.wording.formats import clock, duration, percent, price, quantity, usd
from tests.samples import D


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (clock(0), "no time"),
        (clock(1_667_311_200_000_000_000), "2022-11-01 14:00:00"),
        (usd(200_000.4), "$200,000"),
        (usd(-12.345), "-$12.35"),
        (usd(0), "$0.00"),
        (usd(0.0312), "$0.0312"),
        (usd(-0.00001), "$0.00"),  # what rounding left of a headroom
        (usd(-1e-12), "$0.00"),
        (usd(-0.0), "$0.00"),
        (usd(D("-0.000")), "$0.00"),
        (usd(-0.00006), "-$0.0001"),
        (usd(D("123456789012345678.9")), "$123,456,789,012,345,679"),
        (price(-0.0), "0"),
        (price(-1e-13), "0"),
        (quantity(-1e-12), "0"),
        (quantity(0.1 + 0.2), "0.3"),
        (quantity(D("-0.000")), "0"),
        (percent(-1e-9), "0.00 %"),
        (percent(-1e-9, signed=True), "+0.00 %"),
        (percent(-0.0123, signed=True), "-1.23 %"),
        (price(0.00001234), "0.00001234"),
        (price(20_510.25), "20,510.2"),
        (price(0), "0"),
        (quantity(D("1E+3")), "1000"),
        (quantity(D("0.5000")), "0.5"),
        (percent(0.0316), "3.16 %"),
        (duration(0.25), "0.2 s"),
        (duration(75), "1 min 15 s"),
        (duration(7200), "2 h"),
        (duration(90_000), "1 d 1 h"),
    ],
)
def test_figures_are_written_for_people(shown: str, expected: str) -> None:
    assert shown == expected
