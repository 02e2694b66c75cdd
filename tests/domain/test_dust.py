"""What is dust, at, just under and just over the exchange's limits; and that none of its words makes much of it."""

from decimal import Decimal

import pytest

from shared.domain.dust import is_dust
from shared.messages.market import PairListed


def listed(min_notional: str = "5") -> PairListed:
    return PairListed(
        id="l", time_ns=1, symbol="ETH/USDT", status="trading", price_step=Decimal("0.01"),
        quantity_step=Decimal("0.001"), min_quantity=Decimal("0.002"), min_notional=Decimal(min_notional),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("quantity", "price", "dust"),
    [(0.0019, 9_000.0, True), (0.002, 9_000.0, False), (0.002, 2_500.0, False), (0.002, 2_499.0, True)],
)
def test_less_than_a_lot_or_than_the_least_order_is_dust(quantity: float, price: float, dust: bool) -> None:
    assert is_dust(listed(), quantity, price) is dust


def test_what_is_worth_more_than_a_hundred_is_never_dust_whatever_the_exchange_says() -> None:
    assert is_dust(listed(min_notional="1e9"), 1.0, 100.0)
    assert not is_dust(listed(min_notional="1e9"), 1.0, 100.01)


def test_of_a_pair_that_is_unknown_nothing_is_dust() -> None:
    assert not is_dust(None, 0.0001, 1.0)
