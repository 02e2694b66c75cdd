"""Sells up to the position, cancels and raised stops pass whatever holds new risk back."""

import math
from collections.abc import Callable

import pytest
from msgspec import structs

from shared.domain.plan import PhasePlan
from shared.domain.risk.state.active_phase import ActivePhase
from shared.messages.control import Halt
from shared.messages.market import FeedLost
from shared.messages.orders import CancelDecided, CancelProposed, StopApproved, StopRaised
from tests.domain.risk.gate.rule_scenes import BTC, D, desk_with, verdict
from tests.domain.risk.risk_desk import Desk


def _halt(symbol: str, mode: str) -> Callable[[Desk], None]:
    return lambda desk: (
        desk.handle(
            Halt(id="h", time_ns=desk.now_ns, who="ana", reason="test", symbol=symbol, mode=mode)  # type: ignore[arg-type]
        )
        and None
    )


def _phase(phase: PhasePlan) -> Callable[[Desk], None]:
    return lambda desk: desk.machine.state.use_phase(ActivePhase(name=phase.name, scale=phase.scale))


def _fallen(desk: Desk) -> None:
    desk.pass_time(0.5)
    desk.mark(BTC, 1.0)


def _crowded(desk: Desk) -> None:
    limits = structs.replace(desk.machine.state.limits, max_open_orders=1, orders_per_second=1, repeats_per_minute=1)
    desk.machine.state.use_limits(limits)


def _feed_lost(desk: Desk) -> None:
    desk.handle(FeedLost(id="lost", time_ns=desk.now_ns, feed="connection"))


HINDRANCES: list[tuple[str, Callable[[Desk], None]]] = [
    ("nothing", lambda _: None),
    ("portfolio halted", _halt("", "halted")),
    ("portfolio reducing", _halt("", "reducing")),
    ("pair halted", _halt(BTC, "halted")),
    ("pair reducing", _halt(BTC, "reducing")),
    ("everything stale for a week", lambda desk: desk.pass_time(7 * 86_400) and None),
    ("mark lost", lambda desk: desk.machine.state.heat.set_mark(desk.machine.state.heat.pairs[BTC], 0.0, desk.now_ns)),
    (
        "mark NaN",
        lambda desk: desk.machine.state.heat.set_mark(desk.machine.state.heat.pairs[BTC], math.nan, desk.now_ns),
    ),
    ("no history", lambda desk: desk.machine.state.daily.clear()),
    ("no book", lambda desk: desk.machine.state.books.clear()),
    ("feeds lost", _feed_lost),
    ("drawdown", _fallen),
    ("orders open and throttle full", _crowded),
    ("no cash", lambda desk: setattr(desk.machine.state.ledger, "cash", -5.0)),
    ("pair halted at the exchange", lambda desk: desk.list_pair(BTC, status="halted", reason="BREAK")),
    ("pair delisted", lambda desk: desk.list_pair(BTC, status="delisted")),
    ("pair not seen yet", lambda desk: desk.machine.state.listings.clear()),
    *((f"phase {phase.name}", _phase(phase)) for phase in Desk().plan.phases),
    *((f"phase {name}", _phase(PhasePlan(name=name, scale=0.25))) for name in ("dry_run", "scaled")),
]


@pytest.mark.parametrize("hinder", [each[1] for each in HINDRANCES], ids=[each[0] for each in HINDRANCES])
def test_sells_cancels_and_raised_stops_pass_whatever_hinders_new_risk(hinder: Callable[[Desk], None]) -> None:
    desk = desk_with(book_age_seconds=120.0, drawdown=0.15)
    desk.book(BTC)
    desk.fill(desk.buy(BTC, "0.5", stop=19_000))
    waiting = desk.buy(BTC, "0.1", stop=19_000)
    assert waiting.verdict == "approve"
    hinder(desk)
    cancel = CancelProposed(id="c", time_ns=desk.now_ns, order_id=waiting.order_id)
    assert [type(message) for message in desk.handle(cancel)] == [CancelDecided]
    raised = StopRaised(id="r", time_ns=desk.now_ns, symbol=BTC, stop_price=D(19_500))
    assert [type(message) for message in desk.handle(raised)] == [StopApproved]
    assert desk.sell(BTC, "0.2").verdict == "approve"
    dust = desk.sell(BTC, "0.00001", reduce_only=True)  # below step, minimum quantity and minimum notional
    assert (dust.verdict, dust.quantity_approved) == ("approve", D("0.00001"))
    if BTC in desk.machine.state.listings:
        assert dust.reason.startswith("dust")
    rest = desk.sell(BTC, "1")
    assert verdict(rest) == ("trim", D("0.29999"), "position")
    assert verdict(desk.sell(BTC, "0.1")) == ("reject", D(0), "position")


def test_what_is_left_of_a_position_is_flagged_as_dust_although_more_was_asked_for() -> None:
    desk = desk_with()
    desk.fill(desk.buy(BTC, "0.5"))
    desk.fill(desk.sell(BTC, "0.4999"))
    decided = desk.sell(BTC, "1")
    assert verdict(decided) == ("trim", D("0.0001"), "position")
    assert "dust" in decided.reason
