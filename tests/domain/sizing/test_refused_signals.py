"""Signals that are not followed: their senders hear so, and no position is sold for a unit of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import decode, encode
from shared.domain.answer_budget import BURST
from shared.domain.sizing.machine import SizingMachine
from shared.messages.base import Message
from shared.messages.dead_letter import UnreadableReceived
from shared.messages.signals import SignalRefused
from tests.domain.market_scripts import HOUR, T0, flat, play, signal, time
from tests.domain.sizing.sizing_scenes import holding, only_order, orders, ready

MS = 1_000_000


def refusal(machine: SizingMachine, message: Message) -> SignalRefused:
    [made] = play(machine, message)
    assert isinstance(made, SignalRefused)
    assert decode(encode(made)) == made
    return made


def holds_btc() -> SizingMachine:
    """At 03:00, with BTC held since 01:00."""
    machine = ready()
    play(machine, time(1))
    holding(machine)
    play(machine, time(3), flat(2))
    return machine


def test_a_signal_that_expires_in_milliseconds_sells_nothing_and_is_told() -> None:
    machine = holds_btc()
    odd = signal(1.0, hour=3, expires_ns=(T0 + 4 * HOUR) // MS)
    told = refusal(machine, odd)
    assert (told.cause, told.strategy, told.code, told.field) == (odd.id, "trend", "odd_time", "expires_ns")
    assert "looks like milliseconds; nanoseconds are needed" in told.reason
    assert orders(play(machine, time(4), flat(3))) == []  # nor later


def test_an_exit_with_a_time_in_milliseconds_is_told_and_the_next_one_sells() -> None:
    machine = holds_btc()
    out = signal(0.0, hour=3)
    told = refusal(machine, structs.replace(out, time_ns=out.time_ns // MS))
    assert (told.code, told.field) == ("odd_time", "time_ns")
    assert "looks like milliseconds" in told.reason
    assert only_order(play(machine, structs.replace(out, id="again"))).side == "sell"


def test_a_signal_that_expires_before_its_own_time_is_told() -> None:
    machine = holds_btc()
    told = refusal(machine, signal(1.0, hour=3, expires_ns=T0 + 2 * HOUR))
    assert "before the message's own time_ns" in told.reason


def test_a_signal_that_was_good_and_has_expired_meanwhile_wants_nothing_any_more() -> None:
    machine = holds_btc()
    late = signal(1.0, hour=2, expires_ns=T0 + 2 * HOUR + HOUR // 2)
    assert only_order(play(machine, late)).side == "sell"


def test_a_signal_without_a_time_comes_after_those_before_it() -> None:
    machine = holds_btc()
    assert only_order(play(machine, structs.replace(signal(0.0, hour=3), time_ns=0))).side == "sell"


def test_a_signal_of_a_misspelt_strategy_is_told_the_name_that_was_meant() -> None:
    told = refusal(ready(), signal(1.0, hour=1, name="trned"))
    assert (told.strategy, told.symbol, told.code) == ("trned", "BTC/USDT", "unknown_strategy")
    assert told.reason == "strategy 'trned' is not in strategies.toml; did you mean 'trend'?"
    assert "it has trend" in refusal(ready(), signal(1.0, hour=1, name="mine")).reason


def test_a_signal_for_a_pair_that_is_not_in_the_universe_is_told() -> None:
    told = refusal(ready(), signal(1.0, hour=1, symbol="DOGE/USDT"))
    assert (told.code, told.field) == ("unknown_pair", "symbol")


def test_a_signal_that_is_older_than_the_last_one_is_told_and_a_repeat_is_not() -> None:
    machine = holds_btc()
    assert refusal(machine, signal(0.0, hour=0)).code == "too_old"
    assert play(machine, signal(1.0, hour=1)) == []  # the same as the one that is followed


def test_a_malformed_signal_is_told_under_its_id() -> None:
    parts = {"id": "mine-1", "strategy": "mine", "symbol": "SOL/USDT"}
    received = UnreadableReceived(
        id="u", time_ns=T0, topic="signals", source="hs:signals", entry="1-0", field="$.strength",
        reason="Expected `float` <= 1.0", parts=parts,
    )  # fmt: skip
    told = refusal(ready(), received)
    assert (told.cause, told.strategy, told.code, told.reason) == (
        "mine-1", "mine", "malformed", "strength: Expected `float` <= 1.0",
    )  # fmt: skip
    assert play(ready(), structs.replace(received, topic="bars")) == []


@pytest.mark.parametrize("count", [BURST + 500])
def test_a_flood_of_misspelt_signals_is_answered_up_to_a_bound(count: int) -> None:
    machine = ready()
    assert len(play(machine, *(structs.replace(signal(1.0, name="x"), id=f"s-{n}") for n in range(count)))) == BURST


UNIT = st.sampled_from([1, 1_000, MS, 1_000_000_000])


@given(st.integers(-40, 40), st.integers(-40, 40), UNIT, UNIT)
def test_no_unit_of_time_sells_what_a_strategy_wants_to_hold(begins: int, ends: int, unit: int, other: int) -> None:
    machine = holds_btc()
    sent = signal(1.0, hour=3 + begins, expires_ns=(T0 + (3 + ends) * HOUR) // other)
    made = play(machine, structs.replace(sent, time_ns=sent.time_ns // unit))
    honest = unit == 1 and other == 1 and begins <= ends < 0  # it said itself that it wants nothing by now
    assert bool(orders(made)) == (honest and begins > -2), made
