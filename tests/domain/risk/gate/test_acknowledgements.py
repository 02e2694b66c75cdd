"""The ledger is known as long as execution says what becomes of approved orders."""

from msgspec import structs

from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.messages.orders import OrderDecided, OrderPlaced
from tests.domain.risk.breakers.halt_scenes import restart
from tests.domain.risk.gate.rule_scenes import BTC, ETH, harness_with
from tests.domain.risk.risk_harness import RiskHarness


def silent_for_a_minute() -> tuple[RiskHarness, OrderDecided]:
    harness = harness_with(ledger_age_seconds=30.0, mark_age_seconds=1e9)
    ordered = harness.buy(ETH, "5")
    harness.pass_time(60)
    return harness, ordered


def placed(harness: RiskHarness, ordered: OrderDecided) -> None:
    harness.handle(
        OrderPlaced(
            id="p", time_ns=harness.now_ns, order_id=ordered.order_id, symbol=ordered.symbol, side="buy",
            quantity=ordered.quantity_approved,
        )
    )  # fmt: skip


def test_an_order_that_was_placed_may_rest_for_as_long_as_it_likes() -> None:
    harness, ordered = silent_for_a_minute()
    assert harness.buy(BTC, "0.1").binding == "known_ledger"
    placed(harness, ordered)
    assert harness.buy(BTC, "0.1").verdict == "approve"


def test_part_of_a_fill_or_an_end_is_a_word_too() -> None:
    for say in (
        lambda harness, ordered: harness.fill(ordered, quantity="1"),
        lambda harness, ordered: harness.close(ordered),
    ):
        harness, ordered = silent_for_a_minute()
        say(harness, ordered)
        assert harness.buy(BTC, "0.1").verdict == "approve"


def test_of_several_orders_the_oldest_is_named_and_a_later_one_does_not_hide_it() -> None:
    harness, _ = silent_for_a_minute()
    later = harness.sell(ETH, "1")
    assert later.verdict == "reject"  # nothing is held yet
    assert "order o-1 for 60 s" in harness.buy(BTC, "0.1").reason


def test_a_silence_does_not_keep_sells_back() -> None:
    harness = harness_with(ledger_age_seconds=30.0)
    harness.fill(harness.buy(BTC, "0.1"))
    harness.buy(ETH, "5")
    harness.pass_time(3_600)
    assert harness.sell(BTC, "0.1").verdict == "approve"


def test_a_restart_remembers_who_was_not_heard_of_and_since_when() -> None:
    harness, ordered = silent_for_a_minute()
    restart(harness)
    harness.mark(BTC, 20_000.0)
    assert "order o-1 for 60 s" in harness.buy(BTC, "0.1").reason
    placed(harness, ordered)
    restart(harness)
    harness.mark(BTC, 20_000.0)
    assert harness.buy(BTC, "0.1").verdict == "approve"


def test_an_order_from_before_this_was_kept_is_not_asked_for() -> None:
    harness, _ = silent_for_a_minute()
    records = harness.machine.records
    [(name, order)] = records.rows(ORDER, OpenOrder)
    records.put(ORDER, name, structs.replace(order, decided_ns=0))
    restart(harness)
    harness.mark(BTC, 20_000.0)
    assert harness.buy(BTC, "0.1").verdict == "approve"
