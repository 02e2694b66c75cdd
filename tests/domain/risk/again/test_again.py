"""Decisions made again from what the journal has of them: the same to the last bit, over days of everything."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.domain.plan import ClientPlan
from shared.domain.risk.again.decide import decide_again
from shared.messages.orders import OrderDecided
from tests.domain.risk.again.day_of_decisions import Day
from tests.examples import examples

SEEDS, DECISIONS = (1, 4), 400  # the portfolio of the second one is tiny
CLIENTS = {
    "ana": ClientPlan(heat=0.004, orders_per_second=1, open_orders=2),
    "bob": ClientPlan(pairs=("BTC/USDT", "ETH/USDT"), strategies=("momentum",)),
}
OF_CLIENTS = {"client_bounds", "client_heat", "client_open_orders", "client_throttle"}
HAS_TO_COME = {
    "approve", "trim", "dust", "below_minimum", "lot_size", "invalid", "pair_off", "halted", "stale", "missing",
    "unacknowledged", "limit", "thin_book", "median_spread", "throttled",
}  # fmt: skip


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return [*(Day(seed, DECISIONS) for seed in SEEDS), Day(7, DECISIONS, CLIENTS)]


def test_every_decision_of_a_day_comes_out_the_same_to_the_last_bit(days: list[Day]) -> None:
    wrong, came = {}, Counter[str]()
    for day in days:
        for number, (_, decided) in enumerate(day.decided):
            again = decide_again(day.evidence(number))
            came.update({decided.verdict, decided.code, *(ceiling.code for ceiling in decided.ceilings)})
            came[decided.binding] += decided.verdict != "approve"
            if again.differs:
                wrong[decided.order_id] = (again.differs, decided.reason, again.decided.reason)
    assert wrong == {}
    assert {code for code in HAS_TO_COME | OF_CLIENTS if not came[code]} == set()


def first(day: Day, verdict: str) -> int:
    """The number of the first buy with this verdict."""
    found = (number for number, (_, each) in enumerate(day.decided) if (each.side, each.verdict) == ("buy", verdict))
    return next(found)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity_approved": Decimal(3)},
        {"risk_usdt": 1.0},
        {"heat_after": 0.5},
        {"reason": "because"},
        {"nav": 199_999.0},
        {"mark": 1.0},
        {"verdict": "reject"},
        {"policy": "000000000000"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_decision_in_which_somebody_has_changed_a_figure_comes_out_as_another_one(
    days: list[Day], change: dict[str, object]
) -> None:
    evidence = days[0].evidence(first(days[0], "trim"))
    changed: OrderDecided = structs.replace(evidence.decided, **change)
    assert decide_again(structs.replace(evidence, decided=changed)).differs


def test_a_ceiling_whose_quantity_does_not_follow_from_its_figures_is_named(days: list[Day]) -> None:
    evidence = days[0].evidence(first(days[0], "approve"))
    ceilings = tuple(
        structs.replace(each, quantity=each.quantity * 2) if each.rule == "gap_stress" else each
        for each in evidence.decided.ceilings
    )
    again = decide_again(structs.replace(evidence, decided=structs.replace(evidence.decided, ceilings=ceilings)))
    assert again.differs == ("gap_stress",)


@examples(300)
@given(data=st.data())
def test_whatever_somebody_makes_of_the_figures_there_is_an_answer(days: list[Day], data: st.DataObject) -> None:
    day = data.draw(st.sampled_from(days))
    evidence = day.evidence(data.draw(st.integers(0, DECISIONS - 1)))
    decided = evidence.decided
    odd = st.sampled_from((0.0, -1.0, 1e-300, 1e300, 5e-324, 1.0, 7e17)) | st.floats(allow_nan=False)
    figure = data.draw(st.sampled_from(("quantity", "limit", "used", "headroom")))
    place = data.draw(st.integers(0, len(decided.ceilings) - 1))
    ceilings = list(decided.ceilings)
    ceilings[place] = structs.replace(ceilings[place], **{figure: data.draw(odd)})
    changes: dict[str, object] = {"ceilings": tuple(ceilings)}
    if data.draw(st.booleans()):
        changes[data.draw(st.sampled_from(("nav", "mark", "heat_before", "risk_usdt", "cash_usdt")))] = data.draw(odd)
    changed = structs.replace(decided, **changes)
    again = decide_again(structs.replace(evidence, decided=changed))
    assert again.differs or again.decided == changed


def test_a_halt_that_the_journal_does_not_have_is_missed(days: list[Day]) -> None:
    [number, *_] = [number for number, (_, each) in enumerate(days[0].decided) if each.binding == "halted"]
    evidence = days[0].evidence(number)
    assert decide_again(evidence).differs == ()
    assert "halted" in decide_again(structs.replace(evidence, halts=())).differs


def test_limits_other_than_those_of_then_decide_otherwise(days: list[Day]) -> None:
    evidence = days[0].evidence(first(days[0], "approve"))
    other = structs.replace(evidence.limits, heat=evidence.limits.heat / 2)
    assert {"policy", "portfolio_heat"} <= set(decide_again(structs.replace(evidence, limits=other)).differs)
