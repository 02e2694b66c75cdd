"""The registry of breakers and the names that they have on the wire and in the configuration."""

from typing import get_args

from shared.domain.plan import BreakerName
from shared.domain.risk.breakers import BREAKERS


def test_every_name_of_a_breaker_has_its_breaker_in_the_same_order() -> None:
    assert tuple(breaker.name for breaker in BREAKERS) == get_args(BreakerName)
