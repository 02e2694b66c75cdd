"""What is said of a pair moves no position, and fills no memory, unless it can be."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from shared.messages.control import Halt
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import BookSampled, PairListed
from tests.domain.risk.risk_harness import RiskHarness, renaming
from tests.samples import T0, bar

D = Decimal
BTC, ETH = "BTC/USDT", "ETH/USDT"
FILTERS = [each.name for each in structs.fields(PairListed) if each.type is Decimal and each.name != "ratio"]


def holding(harness: RiskHarness) -> RiskHarness:
    harness.fill(harness.buy(BTC, "0.1"))
    return harness


def listing(symbol: str = ETH, **changes: Any) -> PairListed:
    return PairListed(id="claim", time_ns=T0, symbol=symbol, status="trading", **changes)


def is_refused(harness: RiskHarness, claim: PairListed, field: str) -> bool:
    [refused] = harness.handle(claim)
    return isinstance(refused, MessageRefused) and refused.field == field


@pytest.mark.parametrize(("new", "ratio"), [(ETH, "1000"), (ETH, "1"), (BTC, "1"), ("ZZZ/USDT", "2")])
def test_a_rename_that_the_universe_does_not_know_moves_no_position(new: str, ratio: str) -> None:
    harness = holding(RiskHarness())
    before = harness.snapshot
    assert is_refused(harness, listing(new, formerly=BTC, ratio=D(ratio)), "formerly")
    assert (harness.snapshot.nav, harness.snapshot.positions) == (before.nav, before.positions)


@pytest.mark.parametrize("ratio", ["1", "999", "2.0000001"])
def test_a_rename_by_another_ratio_than_the_universe_has_moves_no_position(ratio: str) -> None:
    harness = holding(RiskHarness(universe=renaming("BTC", "ETH", D(2))))
    assert is_refused(harness, listing(formerly=BTC, ratio=D(ratio)), "formerly")
    assert harness.machine.state.ledger.quantity(BTC) == D("0.1")


def test_a_false_rename_ends_no_halt() -> None:
    harness = RiskHarness()
    harness.handle(Halt(id="h", time_ns=harness.now_ns, who="me", reason="why", symbol=BTC))
    harness.handle(listing(formerly=BTC))
    assert harness.machine.state.halts.find(BTC) is not None


@pytest.mark.parametrize("field", FILTERS)
def test_a_filter_below_0_is_refused(field: str) -> None:
    harness = RiskHarness()
    assert is_refused(harness, listing(**{field: D("-0.1")}), field)
    assert harness.machine.state.listings[ETH].id != "claim"


def test_what_was_refused_is_not_believed_after_a_restart_either() -> None:
    harness = holding(RiskHarness())
    harness.handle(listing(BTC, quantity_step=D(-1)))
    harness.restart()
    assert harness.machine.state.listings[BTC].quantity_step > 0


def test_of_pairs_that_nobody_trades_nothing_is_kept() -> None:
    harness = RiskHarness()
    state = harness.machine.state
    kept = (len(state.listings), len(state.daily), len(state.books))
    for number in range(50):
        symbol = f"Z{number}/USDT"
        harness.handle(listing(symbol))
        harness.handle(structs.replace(bar(timeframe="1d"), symbol=symbol))
        harness.handle(
            BookSampled(
                id="b", time_ns=T0, symbol=symbol, bids=(), asks=(), size_usdt=1.0, spread=None, median_spread=None
            )
        )
    assert (len(state.listings), len(state.daily), len(state.books)) == kept
