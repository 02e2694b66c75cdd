"""What was paid: fills against the mark of their decision, stops against where they rested."""

from decimal import Decimal
from pathlib import Path

import pytest

from services.backtest.slippage.fills import Fills, FillsError, read_messages
from services.backtest.slippage.results import FillRow
from shared.adapters.plain_amounts import json_bytes
from shared.domain.plan import Costs, SizingPlan
from shared.messages.base import Message
from shared.messages.orders import StopPlaced
from tests.samples import T0, bar, decision, fill, proposal

PLAN = SizingPlan(atr_days=2, adv_days=2)
COSTS = Costs(half_spread=0.0005, slippage_factor=0.0)  # the model is 5 bp, whatever the order
DAYS = [bar(timeframe="1d", hour=24 * day, close=20_000.0 + 100 * day) for day in (-3, -2, -1)]


def rows(*messages: Message, costs: Costs = COSTS) -> tuple[FillRow, ...]:
    fills = Fills(PLAN)
    for message in (*DAYS, *messages):
        fills.take(message)
    return fills.rows(costs)


def bought(order_id: str, price: str, **changes: object) -> Message:
    return fill(order_id, price=Decimal(price), **changes)


def stop_at(price: str, number: int = 1) -> StopPlaced:
    return StopPlaced(
        id=f"stop-{number}",
        time_ns=T0,
        order_id="s-1",
        symbol="BTC/USDT",
        stop_price=Decimal(price),
        quantity=Decimal(1),
    )


def test_a_purchase_over_its_mark_cost_that_much_and_one_under_it_less_than_nothing() -> None:
    [row] = rows(decision("a"), decision("b"), bought("a", "20520.50"), bought("b", "20479.50"))
    assert (row.kind, row.liquidity, row.fills) == ("market", "thin", 2)
    assert row.paid_p50_bp == pytest.approx(0.0, abs=0.01)
    assert (row.p1_bp, row.p99_bp) == (pytest.approx(-5.0, abs=0.01), pytest.approx(15.0, abs=0.01))
    assert row.too_cheap == 0.5


def test_a_sale_below_its_mark_cost_that_much() -> None:
    [row] = rows(decision("a", side="sell"), bought("a", "20479.50", side="sell"))
    assert row.paid_p50_bp == pytest.approx(10.0, abs=0.01)


def test_the_parts_of_an_order_count_together_for_the_model_is_of_the_whole() -> None:
    parts = [bought("a", price, trade=price[:5], quantity=Decimal("0.5")) for price in ("20500", "20541")]
    [row] = rows(decision("a"), *parts)
    assert row.fills == 1
    assert row.paid_p50_bp == pytest.approx(10.0, abs=0.01)
    assert row.notional_usdt == 20_520.5


def test_what_comes_first_of_decision_and_fill_makes_no_difference() -> None:
    messages = (decision("a"), bought("a", "20520.50"))
    assert rows(*messages) == rows(*reversed(messages))


def test_a_stop_is_held_against_where_it_rested_when_it_filled() -> None:
    sold = fill("s-1", price=Decimal(19800), side="sell", stop=True)
    [row] = rows(stop_at("19000"), stop_at("20000", 2), sold, stop_at("15000", 3))
    assert row.kind == "stop"
    assert row.paid_p50_bp == pytest.approx(100.0)
    assert row.too_cheap == 1.0


def test_fills_of_which_nothing_can_be_said_are_counted_by_why() -> None:
    fills = Fills(PLAN)
    limited = decision("l", order_type="limit", limit_price=Decimal(20_500))
    for message in (decision("a"), fill("a"), fill("b"), fill("c", liquidity="maker"), limited, fill("l")):
        fills.take(message)
    assert fills.rows(COSTS) == ()
    assert fills.unmatched == {"no daily bars": 1, "no decision at the market, and no stop": 2, "maker": 1}


def test_the_figures_are_those_of_the_days_before_the_decision() -> None:
    late = bar(timeframe="1d", hour=0, close=1.0)  # ends after the decision
    costs = Costs(slippage_factor=1.0)
    assert rows(decision("a"), fill("a"), late, costs=costs) == rows(decision("a"), fill("a"), costs=costs)


# --- in a file --------------------------------------------------------------------------------------------------------


def test_what_tail_printed_is_read_and_what_is_of_no_use_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "fills.jsonl"
    kept = [decision("a"), fill("a"), DAYS[0]]
    path.write_bytes(b"\n".join(map(json_bytes, [*kept, proposal()])) + b"\n\n")
    assert list(read_messages(path)) == kept


@pytest.mark.parametrize("line", ["no JSON", '{"type": "OrderFilled"}', "[]"])
def test_a_line_that_is_none_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "fills.jsonl"
    path.write_bytes(json_bytes(decision("a")) + b"\n" + line.encode() + b"\n")
    with pytest.raises(FillsError, match=r"fills\.jsonl: line 2: .*heatsink tail --json"):
        list(read_messages(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FillsError, match=r"none\.jsonl: cannot be read"):
        list(read_messages(tmp_path / "none.jsonl"))


def test_fills_before_any_day_was_known_are_not_compared() -> None:
    fills = Fills(PLAN)
    for message in (*DAYS, decision("a", time_ns=T0 - 80 * 3_600_000_000_000), fill("a")):
        fills.take(message)
    assert fills.rows(COSTS) == ()
    assert fills.unmatched["no daily bars"] == 1
