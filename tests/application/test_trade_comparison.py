"""Trades that are booked beside those of the account: what is on one side only is named, trade by trade."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.application.trade_comparison import compare_trades
from shared.domain.timeframes import MS_NS
from shared.messages.orders import OrderFilled
from shared.ports.account import AccountTrade
from tests.examples import examples

D = Decimal
ETH = "ETH/USDT"
NOON_MS = 1_780_000_000_000
FILL = OrderFilled(
    id="f", time_ns=NOON_MS * MS_NS, order_id="mine-1", trade_id="71", symbol=ETH, side="buy", quantity=D("0.4995"),
    price=D(3_000), fee_usdt=D("1.5"),
)  # fmt: skip
TRADE = AccountTrade(
    exchange_symbol="ETHUSDT", trade_id="71", order_id="4711", side="buy", quantity=D("0.5"), arrived=D("0.4995"),
    price=D(3_000), time_ms=NOON_MS,
)  # fmt: skip


def found(fills: list[OrderFilled], trades: list[AccountTrade], since_ms: int = NOON_MS) -> list[str]:
    return [each.code for each in compare_trades(fills, {ETH: trades}, since_ms)]


def part(name: str, quantity: str, price: int, **changes: Any) -> AccountTrade:
    return replace(TRADE, trade_id=name, quantity=D(quantity), arrived=D(quantity), price=D(price), **changes)


def test_what_both_sides_have_is_no_difference_whichever_quantity_was_reported() -> None:
    assert found([FILL], [TRADE]) == []
    assert found([replace(FILL, quantity=D("0.5"))], [TRADE]) == [], "its fee was paid in another coin"


def test_a_trade_on_one_side_only_is_named_with_what_it_is() -> None:
    [unbooked] = compare_trades([FILL], {ETH: [TRADE, part("72", "2", 3_100, order_id="4712")]}, NOON_MS)
    assert (unbooked.symbol, unbooked.code, unbooked.books) == (ETH, "trade_not_booked", "nothing")
    assert unbooked.account == "buy 2 at 3100 (trade 72, order 4712)"
    [made_up] = compare_trades([FILL], {ETH: []}, NOON_MS)
    assert (made_up.code, made_up.account) == ("trade_not_there", "nothing")
    assert made_up.books == "buy 0.4995 at 3000 (trade 71, order mine-1)"


@pytest.mark.parametrize(
    "changes", [{"side": "sell"}, {"quantity": D("0.6")}, {"quantity": D("0.4")}, {"price": D(3_001)}]
)
def test_a_trade_that_is_booked_as_another_one_is_told_with_both(changes: dict[str, Any]) -> None:
    assert found([replace(FILL, **changes)], [TRADE]) == ["other_trade"]


def test_trades_of_an_order_that_were_reported_as_one_are_the_same() -> None:
    whole = replace(FILL, trade_id="ft-1", quantity=D(2), price=D(3_050))
    parts = [part("72", "1", 3_000), part("73", "1", 3_100)]
    assert found([whole], parts) == []
    assert found([whole], [*parts, part("74", "1", 3_050, order_id="4712")]) == ["trade_not_booked"]
    assert found([whole], parts[:1]) == ["trade_not_booked", "trade_not_there"]
    twice = [whole, replace(whole, order_id="mine-2", trade_id="ft-2")]
    assert found(twice, parts) == ["trade_not_there"], "one order of the exchange covers one of the books"


def test_of_what_happened_before_nothing_is_said_and_a_late_report_finds_its_trade() -> None:
    assert found([FILL], [], NOON_MS + 1) == []
    assert found([], [TRADE], NOON_MS + 1) == []
    assert found([replace(FILL, time_ns=(NOON_MS + 5) * MS_NS)], [TRADE], NOON_MS + 1) == []


def test_of_a_pair_that_was_not_asked_for_nothing_is_said() -> None:
    assert compare_trades([FILL], {}, NOON_MS) == []


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
@examples(100)
def test_each_trade_on_one_side_only_is_told_once(sides: list[tuple[bool, bool]]) -> None:
    fills, trades, wanted = [], [], []
    for number, (is_booked, is_there) in enumerate(sides):
        quantity = D(number + 1)  # no two are alike
        if is_booked:
            fills.append(replace(FILL, order_id=f"mine-{number}", trade_id=f"{number}", quantity=quantity))
        if is_there:
            trades.append(part(f"{number}", str(quantity), 3_000, order_id=f"{number}"))
        if is_booked != is_there:
            wanted.append("trade_not_there" if is_booked else "trade_not_booked")
    assert sorted(found(fills, trades)) == sorted(wanted)
