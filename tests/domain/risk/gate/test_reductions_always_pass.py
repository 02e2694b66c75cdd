"""Sells up to the position, cancels and raised stops pass whatever holds new risk back; only the exchange may."""

import math
from collections.abc import Callable

import pytest
from msgspec import structs

from shared.domain.filters import filters_of
from shared.domain.plan import PhasePlan
from shared.domain.risk.state.active_phase import ActivePhase
from shared.messages.control import Halt
from shared.messages.market import FeedLost
from shared.messages.orders import CancelDecided, CancelProposed, StopApproved, StopRaised
from tests.domain.risk.gate.rule_scenes import BTC, D, harness_with, verdict
from tests.domain.risk.risk_harness import RiskHarness


def _halt(symbol: str, mode: str) -> Callable[[RiskHarness], None]:
    return lambda harness: (
        harness.handle(
            Halt(id="h", time_ns=harness.now_ns, who="ana", reason="test", symbol=symbol, mode=mode)  # type: ignore[arg-type]
        )
        and None
    )


def _phase(phase: PhasePlan) -> Callable[[RiskHarness], None]:
    return lambda harness: harness.machine.state.use_phase(ActivePhase(name=phase.name, scale=phase.scale))


def _fallen(harness: RiskHarness) -> None:
    harness.pass_time(0.5)
    harness.mark(BTC, 100.0)


def _crowded(harness: RiskHarness) -> None:
    limits = structs.replace(harness.machine.state.limits, max_open_orders=1, orders_per_second=1, repeats_per_minute=1)
    harness.machine.state.use_limits(limits)


def _feed_lost(harness: RiskHarness) -> None:
    harness.handle(FeedLost(id="lost", time_ns=harness.now_ns, feed="connection"))


HINDRANCES: list[tuple[str, Callable[[RiskHarness], None]]] = [
    ("nothing", lambda _: None),
    ("portfolio halted", _halt("", "halted")),
    ("portfolio reducing", _halt("", "reducing")),
    ("pair halted", _halt(BTC, "halted")),
    ("pair reducing", _halt(BTC, "reducing")),
    ("everything stale for a week", lambda harness: harness.pass_time(7 * 86_400) and None),
    (
        "mark lost",
        lambda harness: harness.machine.state.heat.set_mark(harness.machine.state.heat.pairs[BTC], 0.0, harness.now_ns),
    ),
    (
        "mark NaN",
        lambda harness: harness.machine.state.heat.set_mark(
            harness.machine.state.heat.pairs[BTC], math.nan, harness.now_ns
        ),
    ),
    ("no history", lambda harness: harness.machine.state.daily.clear()),
    ("no book", lambda harness: harness.machine.state.books.clear()),
    ("feeds lost", _feed_lost),
    ("drawdown", _fallen),
    ("orders open and throttle full", _crowded),
    ("no cash", lambda harness: setattr(harness.machine.state.ledger, "cash", -5.0)),
    ("pair halted at the exchange", lambda harness: harness.list_pair(BTC, status="halted", reason="BREAK")),
    ("pair delisted", lambda harness: harness.list_pair(BTC, status="delisted")),
    ("pair not seen yet", lambda harness: harness.machine.state.listings.clear()),
    *((f"phase {phase.name}", _phase(phase)) for phase in RiskHarness().plan.phases),
    *((f"phase {name}", _phase(PhasePlan(name=name, scale=0.25))) for name in ("dry_run", "scaled")),
]


@pytest.mark.parametrize("hinder", [each[1] for each in HINDRANCES], ids=[each[0] for each in HINDRANCES])
def test_sells_cancels_and_raised_stops_pass_whatever_hinders_new_risk(hinder: Callable[[RiskHarness], None]) -> None:
    harness = harness_with(book_age_seconds=120.0, drawdown=0.04)
    harness.book(BTC)
    harness.fill(harness.buy(BTC, "0.5", stop=19_000))
    waiting = harness.buy(BTC, "0.1", stop=19_000)
    assert waiting.verdict == "approve"
    hinder(harness)
    cancel = CancelProposed(id="c", time_ns=harness.now_ns, order_id=waiting.order_id)
    assert [type(message) for message in harness.handle(cancel)] == [CancelDecided]
    raised = StopRaised(id="r", time_ns=harness.now_ns, symbol=BTC, stop_price=D(19_500))
    assert [type(message) for message in harness.handle(raised)] == [StopApproved]
    assert harness.sell(BTC, "0.2").verdict == "approve"
    small = harness.sell(BTC, "0.00001", reduce_only=True)  # below the lot step
    if filters_of(harness.machine.state.listings.get(BTC)) is not None:
        assert (small.verdict, small.code) == ("reject", "dust")
    else:
        assert verdict(small) == ("approve", D("0.00001"), "")
    rest = harness.sell(BTC, "1")
    assert verdict(rest) == ("trim", D("0.3") - small.quantity_approved, "position")
    assert verdict(harness.sell(BTC, "0.1")) == ("reject", D(0), "position")


def test_what_is_left_of_a_position_below_the_exchanges_minimum_is_dust_although_more_was_asked_for() -> None:
    harness = harness_with()
    harness.fill(harness.buy(BTC, "0.5"))
    harness.fill(harness.sell(BTC, "0.4999"))
    decided = harness.sell(BTC, "1")
    assert (decided.verdict, decided.code) == ("reject", "dust")
    assert decided.reason == (
        "dust: 0.0001 BTC/USDT held, 0 being sold; what that leaves, 0.0001, worth 2 USDT, is below the exchange's "
        "minimum of 5 USDT (NOTIONAL): the least is 0.0003"
    )
