"""Whatever passes the gate, the exchange takes: held against an oracle that knows nothing of the gate."""

import math
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.filters.quantities import common_step
from shared.messages.orders import ProposalRefused, StopApproved, StopRaised
from tests.domain.filters.oracle import Row, refused_by, stop_refused_by
from tests.domain.filters.scenes import ETH, MARK, D, gate, listed, rows_with
from tests.examples import examples, mostly

STEPS = st.sampled_from(["0", "0.00000001", "0.0001", "0.00015", "0.003", "0.01", "0.5", "1", "7"])
FACTORS = st.sampled_from(["0", "0.2", "0.2", "0.9", "0.99999"]), st.sampled_from(["1.00001", "1.01", "3", "5"])
# So that many orders pass: whole multiples of every step, and of all but the largest one.
LIMITS, STOPS = [D(1_470), D(1_491), D(1_512)], [D(1_365), D(1_428), D(1_449)]
LOTS = [D("1.5"), D(3), D(3)]


@st.composite
def filters(draw: st.DrawFn) -> list[Row]:
    """Filters of today or of 2021, or none, with values around what is ordered in the tests."""

    def amounts(*values: str) -> str:
        return draw(st.sampled_from(values))

    down, up = (draw(each) for each in FACTORS)
    ask_down, ask_up = (draw(each) for each in FACTORS)
    rows: dict[str, Any] = {
        "PRICE_FILTER": {
            "minPrice": amounts("0", "0.01", "700"), "maxPrice": amounts("0", "1510", "99999"), "tickSize": draw(STEPS),
        },
        "LOT_SIZE": {"minQty": amounts("0", "0.001", "0.5"), "maxQty": amounts("3", "9000"), "stepSize": draw(STEPS)},
        "MARKET_LOT_SIZE": {
            "minQty": amounts("0", "0.02"), "maxQty": amounts("0", "2.12345678"), "stepSize": draw(STEPS)
        },
    }  # fmt: skip
    if draw(st.booleans()):
        rows["PERCENT_PRICE_BY_SIDE"] = {
            "bidMultiplierUp": up, "bidMultiplierDown": down, "askMultiplierUp": ask_up, "askMultiplierDown": ask_down,
        }  # fmt: skip
        rows["NOTIONAL"] = {
            "minNotional": amounts("0", "5", "1500"), "applyMinToMarket": draw(st.booleans()),
            "maxNotional": amounts("1500", "3333.33", "9000000"), "applyMaxToMarket": draw(st.booleans()),
        }  # fmt: skip
    else:
        rows |= {"PERCENT_PRICE_BY_SIDE": None, "NOTIONAL": None}
        rows["PERCENT_PRICE"] = {"multiplierUp": up, "multiplierDown": down}
        rows["MIN_NOTIONAL"] = {"minNotional": amounts("0", "10", "1500"), "applyToMarket": draw(st.booleans())}
    return [row for row in rows_with(**rows) if draw(st.integers(0, 9))]


ANY_QUANTITY = st.one_of(
    st.integers(1, 40_000).map(lambda lots: D(lots) / 10_000),
    st.decimals("0.00000001", "4", places=8),
    st.sampled_from([D("0.001"), D("0.5"), D("2.12345678"), D(1), D(3)]),
)
ANY_PRICE = st.one_of(
    st.integers(50_000, 300_000).map(lambda cents: D(cents) / 100),
    st.decimals("0.00000001", "9000", places=8),
    st.sampled_from([D(1_500), D(1_515), D(1_510), D(700), D(1_350), D("1499.12345678")]),
)
QUANTITIES = mostly(st.sampled_from(LOTS), ANY_QUANTITY)
PRICES = mostly(st.sampled_from(LIMITS), ANY_PRICE)
STOP_PRICES = mostly(st.sampled_from(STOPS), ANY_PRICE)


def kind_of(limit: Decimal | None) -> tuple[str, dict[str, Any]]:
    return ("MARKET", {}) if limit is None else ("LIMIT", {"order_type": "limit", "limit_price": limit})


@examples(400)
@given(filters(), QUANTITIES, st.none() | PRICES, STOP_PRICES)
def test_no_buy_passes_that_the_exchange_would_refuse(
    rows: list[Row], quantity: Decimal, limit: Decimal | None, stop: Decimal
) -> None:
    kind, order = kind_of(limit)
    decided = listed(gate(), rows).buy(ETH, str(quantity), stop=f"{stop:f}", **order)
    if decided.quantity_approved:
        assert refused_by(rows, "BUY", kind, decided.quantity_approved, limit, MARK) == ""
        assert stop_refused_by(rows, stop, MARK) == ""
    elif decided.shortfall is not None and decided.shortfall.least:
        assert refused_by(rows, "BUY", kind, decided.shortfall.least, limit, MARK) == ""


@examples(400)
@given(filters(), QUANTITIES, st.none() | PRICES, STOP_PRICES)
def test_a_buy_that_the_exchange_takes_as_it_is_passes_whole(
    rows: list[Row], quantity: Decimal, limit: Decimal | None, stop: Decimal
) -> None:
    kind, order = kind_of(limit)
    taken = not refused_by(rows, "BUY", kind, quantity, limit, MARK) and not stop_refused_by(rows, stop, MARK)
    if taken and stop < min(limit or stop + 1, D(MARK)) and (limit or 0) <= 2 * MARK:
        decided = listed(gate(), rows).buy(ETH, str(quantity), stop=f"{stop:f}", **order)
        assert (decided.verdict, decided.quantity_approved) == ("approve", quantity), decided.reason


@examples(400)
@given(filters(), QUANTITIES, st.none() | PRICES)
def test_a_sale_passes_as_far_as_the_exchange_takes_it(
    rows: list[Row], quantity: Decimal, limit: Decimal | None
) -> None:
    kind, order = kind_of(limit)
    harness = listed(gate(held="4"), rows)
    decided = harness.sell(ETH, str(quantity), **order)
    if decided.quantity_approved:
        assert refused_by(rows, "SELL", kind, decided.quantity_approved, limit, MARK) == ""
    if not refused_by(rows, "SELL", kind, quantity, limit, MARK):
        assert (decided.verdict, decided.quantity_approved) == ("approve", quantity)


@examples(200)
@given(filters(), STOP_PRICES | PRICES)
def test_a_raised_stop_stands_where_the_exchange_takes_it(rows: list[Row], asked: Decimal) -> None:
    harness = listed(gate(held="4"), rows)
    made = harness.handle(StopRaised(id="r", time_ns=harness.now_ns, symbol=ETH, stop_price=asked))
    for approved in made:
        if isinstance(approved, ProposalRefused):
            assert approved.code in ("lower_stop", "stop_above_price")
            continue
        assert isinstance(approved, StopApproved)
        if stop_refused_by(rows, approved.stop_price, MARK):  # nothing near passes: it is left to the exchange
            assert approved.stop_price == asked
    if not stop_refused_by(rows, asked, MARK) and 1_400 < asked < MARK:
        assert [each.stop_price for each in made if isinstance(each, StopApproved)] == [asked]


@given(st.decimals("0.00000001", "10", places=8), st.decimals("0.00000001", "10", places=8))
def test_a_common_step_is_one_of_both_and_no_smaller_one_is(one: Decimal, other: Decimal) -> None:
    common = common_step(one, other)
    assert not common % one
    assert not common % other
    assert common == D(math.lcm(int(one * 10**8), int(other * 10**8))) / 10**8
