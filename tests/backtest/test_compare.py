"""Two lists of decisions side by side: what is the same, what differs, and which comes first."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.backtest.compare import FIELDS, compared, in_words
from services.backtest.recorder.decisions import Decision
from tests.examples import examples

D = Decimal
OTHER = {
    "symbol": "ETH/USDT",
    "side": "sell",
    "requested": D(7),
    "verdict": "trim",
    "approved": D("0.25"),
    "binding": "portfolio_heat",
}


def decision(number: int, time_ns: int = 0) -> Decision:
    return Decision(
        time_ns=time_ns or number,
        order_id=f"o-{number}",
        symbol="BTC/USDT",
        side="buy",
        verdict="approve",
        requested=D("0.5"),
        approved=D("0.5"),
        binding="",
        heat_before=0.01,
        heat_after=0.02,
    )


TEN = [decision(number) for number in range(1, 11)]


def test_the_same_decisions_are_the_same_in_whatever_order_they_stand() -> None:
    found = compared(TEN, list(reversed(TEN)))
    assert (found.same, list(found.differences)) == (10, [])


def test_every_field_that_says_what_was_decided_counts_and_is_named() -> None:
    assert set(OTHER) == set(FIELDS)
    for name, value in OTHER.items():
        changed = [structs.replace(each, **{name: value}) if each.order_id == "o-4" else each for each in TEN]
        found = compared(TEN, changed)
        assert found.same == 9
        [difference] = found.differences
        assert difference.fields == (name,)
        assert difference.time_ns == 4
        assert f"differs in {name}" in in_words(difference, "A", "B")


def test_amounts_that_are_written_otherwise_are_the_same() -> None:
    assert compared([decision(1)], [structs.replace(decision(1), requested=D("0.50"), approved=D("5E-1"))]).same == 1


def test_what_only_one_side_has_is_counted_there_and_told_with_its_verdict() -> None:
    found = compared(TEN[:-1], TEN[2:])
    assert (found.same, found.only_first, found.only_second) == (7, 2, 1)
    assert in_words(found.differences[0], "A", "B") == "o-1, buy 0.5 BTC/USDT: A has it (approve 0.5), B does not"
    assert in_words(found.differences[-1], "A", "B") == "o-10, buy 0.5 BTC/USDT: B has it (approve 0.5), A does not"


def test_decisions_outside_the_times_that_are_named_do_not_count() -> None:
    found = compared(TEN, [], from_ns=3, until_ns=6)
    assert [each.time_ns for each in found.differences] == [3, 4, 5]


@examples(50)
@given(st.permutations(TEN), st.sets(st.sampled_from(TEN)), st.sets(st.sampled_from(TEN)))
def test_all_are_counted_once_and_the_first_difference_is_the_earliest(
    order: list[Decision], gone_here: set[Decision], gone_there: set[Decision]
) -> None:
    first = [each for each in order if each not in gone_here]
    second = [each for each in TEN if each not in gone_there]
    found = compared(first, second)
    one_sided = gone_here ^ gone_there
    assert found.same == len(set(TEN) - gone_here - gone_there)
    assert [each.time_ns for each in found.differences] == sorted(each.time_ns for each in one_sided)
    assert found.only_first == len(gone_there - gone_here)
    assert found.only_second == len(gone_here - gone_there)
