"""What cannot be of a pair is not believed, whichever amount it is and however small."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.listing_claims import AMOUNTS, FINEST, STEPS, doubt_about_listing
from shared.domain.numbers import round_down, round_up
from shared.messages.base import AMOUNT_BELOW, AMOUNT_FROM
from shared.messages.market import PairListed
from tests.domain.risk.risk_harness import UNIVERSE, RiskHarness
from tests.examples import examples
from tests.samples import T0

AMOUNT = st.integers(1, 10**9).flatmap(
    lambda digits: st.integers(AMOUNT_FROM, AMOUNT_BELOW - 9).map(lambda power: Decimal(digits).scaleb(power))
)


def listed(**amounts: Decimal) -> PairListed:
    return PairListed(id="l", time_ns=T0, symbol="BTC/USDT", status="trading", **amounts)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_finer_than_any_exchange_has_is_refused_by_name(name: str) -> None:
    doubt = doubt_about_listing(listed(**{name: Decimal("1e-28")}), UNIVERSE)
    assert doubt is not None
    assert (doubt.field, "finer than any exchange" in doubt.reason) == (name, True)
    assert doubt_about_listing(listed(**{name: FINEST}), UNIVERSE) is None


@examples(200)
@given(amounts=st.dictionaries(st.sampled_from(AMOUNTS), AMOUNT, max_size=4), quantity=AMOUNT)
def test_whatever_is_said_of_a_pair_the_gate_decides_on(amounts: dict[str, Decimal], quantity: Decimal) -> None:
    risk = RiskHarness()
    risk.list_pair("BTC/USDT", **amounts)
    risk.propose(symbol="BTC/USDT", side="buy", quantity=quantity, stop_price=Decimal(18_000))
    risk.propose(symbol="ETH/USDT", side="buy", quantity=Decimal("0.1"), stop_price=Decimal(1_200))


@examples(300)
@given(value=AMOUNT, step=AMOUNT)
def test_rounding_never_goes_to_the_wrong_side(value: Decimal, step: Decimal) -> None:
    assert round_down(value, step) <= value <= round_up(value, step)
