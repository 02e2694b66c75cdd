"""Each filter of the exchange at, just under and just over its value, as the gate holds orders to it."""

from typing import Any

import pytest
from msgspec import structs

from shared.domain.plan import BreakerPlan
from shared.messages.control import Flatten
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided, OrderProposed, StopApproved, StopRaised
from tests.domain.filters.oracle import refused_by
from tests.domain.filters.scenes import ETH, MARK, D, gate, listed, rows_with
from tests.domain.risk.gate.rule_scenes import WIDE
from tests.domain.risk.risk_harness import RiskHarness


def limit(price: str, **changes: Any) -> dict[str, Any]:
    return {"order_type": "limit", "limit_price": D(price), **changes}


@pytest.mark.parametrize(
    ("changes", "order", "code", "words"),
    [
        ({}, limit("1499.12"), "open", ""),
        ({}, limit("1499.123456789"), "price_filter",
         "limit_price 1499.123456789 is off the tick of 0.01 (PRICE_FILTER): the nearest that passes is 1499.12"),
        ({}, limit("1499.126"), "price_filter", "the nearest that passes is 1499.13"),
        ({"PRICE_FILTER": {"maxPrice": "1501.5"}}, limit("1501.5"), "open", ""),
        ({"PRICE_FILTER": {"maxPrice": "1501.5"}}, limit("1501.51"), "price_filter",
         "limit_price 1501.51 is above the highest price of 1501.5 (PRICE_FILTER): the nearest that passes is 1501.5"),
        ({"PRICE_FILTER": {"tickSize": "0"}}, limit("1499.12345678"), "open", ""),
        ({"PRICE_FILTER": None}, limit("1499.12345678"), "open", ""),
        ({}, {"stop": "1400.01"}, "open", ""),
        ({}, {"stop": "1400.001"}, "price_filter", "stop_price 1400.001 is off the tick of 0.01 (PRICE_FILTER)"),
        ({"PRICE_FILTER": {"minPrice": "1200"}}, {"stop": "1200"}, "open", ""),
        ({"PRICE_FILTER": {"minPrice": "1200"}}, {"stop": "1199.99"}, "price_filter",
         "stop_price 1199.99 is below the lowest price of 1200 (PRICE_FILTER): the nearest that passes is 1200"),
        ({"PERCENT_PRICE_BY_SIDE": {"bidMultiplierUp": "1.01"}}, limit("1515"), "open", ""),
        ({"PERCENT_PRICE_BY_SIDE": {"bidMultiplierUp": "1.01"}}, limit("1515.01"), "percent_price",
         "limit_price 1515.01 is above 1.01 times the price of 1500 (PERCENT_PRICE): the nearest that passes is 1515"),
        ({"PERCENT_PRICE_BY_SIDE": {"bidMultiplierDown": "0.9"}}, limit("1350"), "open", ""),
        ({"PERCENT_PRICE_BY_SIDE": {"bidMultiplierDown": "0.9"}}, limit("1349.99"), "percent_price",
         "limit_price 1349.99 is below 0.9 times the price of 1500 (PERCENT_PRICE): the nearest that passes is 1350"),
        ({"PERCENT_PRICE_BY_SIDE": {"bidMultiplierDown": "0.33333"}, "PRICE_FILTER": {"tickSize": "1"}},
         limit("499", stop="400"), "percent_price", "the nearest that passes is 500"),
        ({}, {"stop": "300"}, "open", ""),
        ({}, {"stop": "299.99"}, "percent_price",
         "stop_price 299.99 is below 0.2 times the price of 1500 (PERCENT_PRICE): the nearest that passes is 300"),
        ({"PERCENT_PRICE_BY_SIDE": None, "PERCENT_PRICE": {"multiplierUp": "1.01", "multiplierDown": "0.5"}},
         limit("1515.01"), "percent_price", "the nearest that passes is 1515"),
        ({"PERCENT_PRICE_BY_SIDE": None, "PERCENT_PRICE": {"multiplierUp": "1.01", "multiplierDown": "0.5"}},
         {"stop": "749.99"}, "percent_price", "the nearest that passes is 750"),
        ({"PERCENT_PRICE_BY_SIDE": None}, {"stop": "0.01"}, "open", ""),
    ],
)  # fmt: skip
def test_the_prices_of_a_buy_are_ones_that_the_exchange_takes(
    changes: dict[str, Any], order: dict[str, Any], code: str, words: str
) -> None:
    decided = gate(**changes).buy(ETH, "1", **{"stop": "1000", **order})
    assert decided.code == code, decided.reason
    assert words in decided.reason


def test_an_order_worth_too_little_at_its_own_price_is_refused_whatever_the_mark_is() -> None:
    decided = gate(PERCENT_PRICE_BY_SIDE=None).buy(ETH, "0.04", **limit("20", stop="10"))
    assert (decided.verdict, decided.binding, decided.code) == ("reject", "minimum", "below_minimum")
    assert decided.reason == (
        "0.04, worth 0.8 USDT, is below the exchange's minimum of 5 USDT (NOTIONAL): the least is 0.25"
    )


@pytest.mark.parametrize(
    ("changes", "quantity", "order", "verdict", "given", "binding"),
    [
        ({}, "0.0100", limit("1500"), "approve", "0.01", ""),
        ({}, "0.0033", {}, "reject", "0", "minimum"),
        ({}, "0.0034", {}, "approve", "0.0034", ""),
        ({"NOTIONAL": {"applyMinToMarket": False}}, "0.0033", {}, "approve", "0.0033", ""),
        ({"NOTIONAL": {"applyMinToMarket": False}}, "0.0033", limit("1500"), "reject", "0", "minimum"),
        ({"NOTIONAL": None, "MIN_NOTIONAL": {"minNotional": "10", "applyToMarket": True, "avgPriceMins": 5}}, "0.0066",
         {}, "reject", "0", "minimum"),
        ({"NOTIONAL": None, "MIN_NOTIONAL": {"minNotional": "10", "applyToMarket": False, "avgPriceMins": 5}},
         "0.0066", {}, "approve", "0.0066", ""),
        ({"NOTIONAL": None}, "0.001", {}, "approve", "0.001", ""),
        ({"NOTIONAL": None}, "0.0009", {}, "reject", "0", "minimum"),
        ({}, "20.5", {}, "approve", "20.5", ""),
        ({}, "20.5001", {}, "trim", "20.5", "max_quantity"),
        ({}, "20.5001", limit("1500"), "approve", "20.5001", ""),
        ({"MARKET_LOT_SIZE": {"maxQty": "2.00005"}}, "3", {}, "trim", "2", "max_quantity"),
        ({"MARKET_LOT_SIZE": {"maxQty": "1000"}, "NOTIONAL": None}, "900.0001", {}, "trim", "900", "max_quantity"),
        ({"MARKET_LOT_SIZE": {"minQty": "0.5"}}, "0.4999", {}, "reject", "0", "minimum"),
        ({"MARKET_LOT_SIZE": {"minQty": "0.5"}}, "0.4999", limit("1500"), "approve", "0.4999", ""),
        ({"MARKET_LOT_SIZE": {"stepSize": "0.003"}}, "1", {}, "trim", "0.999", "lot_step"),
        ({"MARKET_LOT_SIZE": {"stepSize": "0.00015"}}, "0.9999", {}, "approve", "0.9999", ""),
        ({"MARKET_LOT_SIZE": {"stepSize": "0.00015"}}, "1", {}, "trim", "0.9999", "lot_step"),
        ({"MARKET_LOT_SIZE": None}, "100", {}, "approve", "100", ""),
        ({}, "1.00009", {}, "trim", "1", "lot_step"),
        ({}, "40", limit("1500"), "approve", "40", ""),
        ({}, "40.0001", limit("1500"), "trim", "40", "max_notional"),
        ({"NOTIONAL": {"applyMaxToMarket": True, "maxNotional": "3000"}}, "2.0001", {}, "trim", "2", "max_notional"),
        ({"NOTIONAL": {"applyMaxToMarket": True, "maxNotional": "3000"}}, "2", {}, "approve", "2", ""),
    ],
)  # fmt: skip
def test_a_quantity_is_cut_to_what_the_exchange_takes_or_refused(
    changes: dict[str, Any], quantity: str, order: dict[str, Any], verdict: str, given: str, binding: str
) -> None:
    decided = gate(**changes).buy(ETH, quantity, **{"stop": "1000", **order})
    assert (decided.verdict, decided.quantity_approved, decided.binding) == (verdict, D(given), binding)


@pytest.mark.parametrize(
    ("held", "quantity", "order", "verdict", "given", "words"),
    [
        ("2", "1", {}, "approve", "1", ""),
        ("2", "0.00005", {}, "reject", "0",
         "dust: 0.00005 is below the smallest order that the exchange takes (LOT_SIZE): the least is 0.0034"),
        ("2", "0.0033", {}, "reject", "0",
         "dust: 0.0033, worth 4.95 USDT, is below the exchange's minimum of 5 USDT (NOTIONAL): the least is 0.0034"),
        ("2", "1.00009", {}, "trim", "1", "1.00009 is no multiple of the lot step of 0.0001 (LOT_SIZE): 1 is"),
        ("2", "1", {"order_type": "limit", "limit_price": D("1600.001")}, "reject", "0",
         "limit_price 1600.001 is off the tick of 0.01 (PRICE_FILTER): the nearest that passes is 1600"),
        ("2", "1", {"order_type": "limit", "limit_price": D("6000.01")}, "reject", "0",
         "limit_price 6000.01 is above 4 times the price of 1500 (PERCENT_PRICE): the nearest that passes is 6000"),
        ("2", "1", {"order_type": "limit", "limit_price": D(6_000)}, "approve", "1", ""),
        ("2", "0.001", {"order_type": "limit", "limit_price": D(5_000)}, "approve", "0.001", ""),
        ("30", "25", {}, "trim", "20.5", "one order holds at most 20.5 (MARKET_LOT_SIZE)"),
    ],
)  # fmt: skip
def test_a_sale_passes_unless_the_exchange_would_refuse_it_by_name(
    held: str, quantity: str, order: dict[str, Any], verdict: str, given: str, words: str
) -> None:
    decided = gate(held=held).sell(ETH, quantity, **order)
    assert (decided.verdict, decided.quantity_approved, decided.reason) == (verdict, D(given), words)
    assert (decided.code == "dust") is words.startswith("dust")


def test_a_sale_is_not_held_back_by_a_price_of_long_ago() -> None:
    harness = gate(held="2")
    harness.mark(ETH, 0.001)
    harness.pass_time(3_600)
    assert harness.sell(ETH, "1").verdict == "approve"
    far = harness.sell(ETH, "0.5", order_type="limit", limit_price=D(99_000))
    assert far.verdict == "approve"


@pytest.mark.parametrize("status", ["delisted", "renamed", "unlisted"])
def test_of_a_pair_that_is_gone_no_filter_is_known_and_none_holds_back(status: str) -> None:
    harness = gate(held="2")
    gone = PairListed(id="gone", time_ns=harness.now_ns, symbol=ETH, status=status)  # type: ignore[arg-type]
    harness.handle(gone)  # as it is published: with the defaults of its fields
    raised = StopRaised(id="r", time_ns=harness.now_ns, symbol=ETH, stop_price=D("1450.00001234"))
    [approved] = [each for each in harness.handle(raised) if isinstance(each, StopApproved)]
    assert approved.stop_price == D("1450.00001234")
    assert harness.sell(ETH, "0.00000001").verdict == "approve"
    limit_sell = harness.sell(ETH, "1", order_type="limit", limit_price=D("1600.00001234"))
    assert limit_sell.verdict == "approve"


def test_a_raised_stop_is_not_moved_over_the_price() -> None:
    harness = gate(held="2", PRICE_FILTER={"tickSize": "100"})
    raised = StopRaised(id="r", time_ns=harness.now_ns, symbol=ETH, stop_price=D("1499"))
    assert [each for each in harness.handle(raised) if isinstance(each, StopApproved)] == []
    raised = StopRaised(id="r-2", time_ns=harness.now_ns, symbol=ETH, stop_price=D("1401"))
    assert [each for each in harness.handle(raised) if isinstance(each, StopApproved)] == []


@pytest.mark.parametrize(
    ("asked", "stands"),
    [("1450.12", "1450.12"), ("1450.123456789", "1450.13"), ("1400.001", "1400.01"), ("0.0001", None)],
)
def test_a_raised_stop_stands_at_the_next_price_that_the_exchange_takes(asked: str, stands: str | None) -> None:
    harness = gate(held="2")
    made = harness.handle(StopRaised(id="r", time_ns=harness.now_ns, symbol=ETH, stop_price=D(asked)))
    approved = [each for each in made if isinstance(each, StopApproved)]
    assert [each.stop_price for each in approved] == ([] if stands is None else [D(stands)])
    for each in approved:
        assert ("PRICE_FILTER" in each.reason) is (asked != stands)


def test_filters_that_an_earlier_version_did_not_state_hold_nothing_back() -> None:
    harness = gate(**dict.fromkeys(("PRICE_FILTER", "MARKET_LOT_SIZE", "PERCENT_PRICE_BY_SIDE")), NOTIONAL=None)
    assert harness.buy(ETH, "100.0001", stop="1.00000001").verdict == "approve"


# --- what the gate sells by itself ------------------------------------------------------------------------------------


def test_flatten_sells_a_large_position_in_orders_that_the_exchange_takes() -> None:
    harness = gate(held="50")
    made = harness.handle(Flatten(id="fl", time_ns=harness.now_ns, who="ana", reason="out", symbol=ETH))
    sales = [each for each in made if isinstance(each, OrderProposed)]
    assert [each.quantity for each in sales] == [D("20.5"), D("20.5"), D(9)]
    assert len({each.id for each in sales}) == 3
    decided = [verdict for each in sales for verdict in harness.handle(each) if isinstance(verdict, OrderDecided)]
    assert [each.verdict for each in decided] == ["approve"] * 3
    rows = rows_with()
    assert [refused_by(rows, "SELL", "MARKET", each.quantity_approved, None, MARK) for each in decided] == [""] * 3


def test_a_sale_to_reduce_heat_leaves_no_dust_and_is_one_that_the_exchange_takes() -> None:
    rows = rows_with(NOTIONAL={"minNotional": "100"}, MARKET_LOT_SIZE={"stepSize": "0.03", "maxQty": "1000"})
    harness = RiskHarness(
        cash=200_000.0, limits=structs.replace(WIDE, heat=0.05), exact=True, breakers=BreakerPlan(reduce_heat=True)
    )
    listed(harness, rows)
    bought = harness.buy(ETH, "120", stop=1_420)
    harness.fill(bought)
    harness.pass_time(1)
    harness.mark(ETH, 1_510.0)
    sales = [each for each in harness.pass_time(1) if isinstance(each, OrderProposed)]
    assert sales
    for sale in sales:
        assert refused_by(rows, "SELL", "MARKET", sale.quantity, None, 1_510.0) == ""
