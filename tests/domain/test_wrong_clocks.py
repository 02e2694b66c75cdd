"""Clocks that were wrong, as sizing and paper execution meet them."""

import msgspec
import pytest

from shared.adapters.codec import decode, encode
from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.sizing.machine import SizingMachine
from shared.messages.orders import OrderProposed
from tests.domain.market_scripts import (
    HOUR,
    T0,
    UNIVERSE,
    D,
    days,
    decided,
    flat,
    kinds,
    listed,
    mark,
    nav,
    one_hour_plan,
    play,
    signal,
    time,
)

AHEAD = T0 + 30 * 24 * HOUR
SECOND = 1_000_000_000


def test_a_signal_of_a_time_to_come_leads_to_an_order_that_can_be_read() -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(sizing, listed(), *days(60), nav(), time(1), flat(0))
    [order] = play(sizing, msgspec.structs.replace(signal(1.0, hour=1), time_ns=AHEAD))
    assert isinstance(order, OrderProposed)
    assert decode(encode(order)) == order
    assert order.expires_ns == T0 + 2 * HOUR


def test_a_signal_of_a_time_to_come_does_not_drown_those_that_follow() -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(sizing, listed(), *days(60), nav(), time(1), flat(0), msgspec.structs.replace(signal(0.0), time_ns=AHEAD))
    play(sizing, time(2), flat(1))
    assert kinds(play(sizing, signal(1.0, hour=2))) == ["OrderProposed"]


@pytest.mark.parametrize("price", [1e-14, 1e-300, 1e17])
def test_an_absurd_price_is_sized_without_harm(price: float) -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    made = play(sizing, listed(), *days(60, price=price), nav(), time(1), flat(0, price), signal(1.0, hour=1))
    for message in made:
        assert decode(encode(message)) == message


def test_stops_do_not_wait_for_a_clock_that_was_set_back() -> None:
    paper = PaperExecution(one_hour_plan(), UNIVERSE, quote_age_limit_ns=5 * SECOND)
    play(paper, listed(), *days(60), time(1), mark(100, hour=1), decided(hour=1, stop_price=D(90)))
    play(paper, time(5), mark(100, hour=5), time(1.1))
    assert kinds(play(paper, mark(80, hour=1.1))) == ["OrderFilled", "OrderClosed"]
