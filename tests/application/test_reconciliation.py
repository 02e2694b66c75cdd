"""Books beside an account: what differs is found, by pair, and what does not is not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.application.reconciliation import Books, Reconciliation, compare
from shared.domain.portfolio.ledger import Position
from shared.domain.risk.state.reservations import OpenOrder
from shared.ports.account import AccountOrder, Balance
from tests.domain.risk.risk_harness import UNIVERSE
from tests.examples import examples

D = Decimal
ETH = "ETH/USDT"
HELD = Position(symbol=ETH, quantity=D(2), cost=D(3_000), stop=D(1_425))
BUYING = OpenOrder(
    order_id="mine-1", symbol="BTC/USDT", side="buy", quantity=D("0.1"), filled=D("0.04"), unit_risk=1.0,
    unit_notional=1.0, unit_cash=1.0,
)  # fmt: skip
BOOKS = Books(
    cash=D("1000.005"), positions={ETH: HELD}, orders={"mine-1": BUYING}, lots={ETH: D("0.001")},
    venue_ids={"mine-1": "4711"},
)  # fmt: skip
STOP = AccountOrder(
    exchange_symbol="ETHUSDT", order_id="8", client_order_id="s", side="SELL", kind="STOP_LOSS_LIMIT", quantity=D(2),
    filled=D(0), price=D(1_400), stop_price=D(1_425),
)  # fmt: skip
OPEN = AccountOrder(
    exchange_symbol="BTCUSDT", order_id="4711", client_order_id="bot-1", side="BUY", kind="LIMIT", quantity=D("0.1"),
    filled=D("0.04"), price=D(19_000), stop_price=D(0),
)  # fmt: skip
BALANCES = {"USDT": "1000", "ETH": "2"}


def look(books: Books = BOOKS, orders: tuple[AccountOrder, ...] = (STOP, OPEN), **balances: str) -> Reconciliation:
    held = [Balance(asset=name, free=D(text), locked=D(0)) for name, text in (BALANCES | balances).items() if D(text)]
    return compare(books, held, orders, UNIVERSE)


def codes(found: Reconciliation) -> list[tuple[str, str]]:
    return [(each.symbol, each.code) for each in found.differences]


def test_what_agrees_is_named_and_what_is_outside_is_no_difference() -> None:
    found = look(ETH="2.0009", BNFCR="3", LDBTC="1")
    assert codes(found) == []
    assert found.agreed == (ETH,)
    assert [each.asset for each in found.outside] == ["BNFCR", "LDBTC"]


def test_locked_coins_count_as_held() -> None:
    held = [Balance(asset="ETH", free=D(0), locked=D(2)), Balance(asset="USDT", free=D(900), locked=D(100))]
    assert codes(compare(BOOKS, held, (STOP, OPEN), UNIVERSE)) == []


@pytest.mark.parametrize(
    ("balances", "code", "reason"),
    [({"ETH": "1.999"}, (ETH, "less_held"), "0.001 ETH are gone"),
     ({"ETH": "0"}, (ETH, "less_held"), "2 ETH are gone"),
     ({"ETH": "2.001"}, (ETH, "more_held"), "0.001 ETH are not in the books: no limit counts them"),
     ({"SOL": "1"}, ("SOL/USDT", "more_held"), "1 SOL are not in the books; to bring them in: heatsink import"),
     ({"USDT": "999.99"}, ("", "cash"), "the account has 0.015 USDT less than the books"),
     ({"USDT": "0"}, ("", "cash"), "the account has 1000.005 USDT less than the books")],
)  # fmt: skip
def test_a_balance_that_differs_is_told(balances: dict[str, str], code: tuple[str, str], reason: str) -> None:
    found = look(**balances)
    assert codes(found) == [code]
    assert reason in found.differences[0].reason


@pytest.mark.parametrize(
    ("orders", "code"),
    [((STOP,), ("BTC/USDT", "missing_order")),
     ((OPEN,), (ETH, "no_stop")),
     ((replace(STOP, stop_price=D(1_424)), OPEN), (ETH, "lower_stop")),
     ((replace(STOP, quantity=D("1.9")), OPEN), (ETH, "smaller_stop")),
     ((STOP, replace(OPEN, filled=D("0.05"))), ("BTC/USDT", "other_order")),
     ((STOP, replace(OPEN, side="SELL")), ("BTC/USDT", "other_order")),
     ((STOP, OPEN, replace(OPEN, order_id="9", client_order_id="x")), ("BTC/USDT", "foreign_order")),
     ((STOP, OPEN, replace(STOP, exchange_symbol="SOLUSDT")), ("SOL/USDT", "foreign_order")),
     ((STOP, OPEN, replace(OPEN, exchange_symbol="ETHBTC")), ("ETHBTC", "foreign_order"))],
)  # fmt: skip
def test_an_order_that_differs_is_told(orders: tuple[AccountOrder, ...], code: tuple[str, str]) -> None:
    assert codes(look(orders=orders)) == [code]


def test_of_what_is_gone_no_stop_is_missed_and_of_a_part_only_that_part_is_to_be_protected() -> None:
    assert codes(look(orders=(OPEN,), ETH="0")) == [(ETH, "less_held")]
    part = replace(STOP, quantity=D(1))
    assert codes(look(orders=(part, OPEN), ETH="1")) == [(ETH, "less_held")]


def test_an_order_is_known_by_the_id_under_which_it_was_approved_too() -> None:
    assert codes(look(replace(BOOKS, venue_ids={}), (STOP, replace(OPEN, client_order_id="mine-1")))) == []


def test_higher_and_several_stops_protect_as_well() -> None:
    parts = (replace(STOP, quantity=D(1)), replace(STOP, quantity=D(1), stop_price=D(1_430), order_id="9"))
    assert codes(look(orders=(*parts, OPEN))) == []


AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=8)


@given(
    balances=st.dictionaries(st.sampled_from(["USDT", "ETH", "BTC", "SOL", "XYZ"]), AMOUNTS),
    fields=st.lists(st.tuples(st.sampled_from(["BTCUSDT", "ETHUSDT", "XYZUSDT"]), AMOUNTS, AMOUNTS), max_size=4),
)
@examples(200)
def test_every_unit_of_the_account_is_agreed_on_told_or_outside(
    balances: dict[str, Decimal], fields: list[tuple[str, Decimal, Decimal]]
) -> None:
    orders: list[Any] = [replace(STOP, exchange_symbol=name, quantity=q, stop_price=p) for name, q, p in fields]
    held = [Balance(asset=name, free=amount, locked=D(0)) for name, amount in balances.items() if amount]
    found = compare(BOOKS, held, orders, UNIVERSE)
    told = {each.symbol.partition("/")[0] or "USDT" for each in found.differences}
    named = told | {each.asset for each in found.outside} | {each.partition("/")[0] for each in found.agreed}
    assert {name for name, amount in balances.items() if amount >= 1} - named <= {"USDT"}
    if "USDT" not in told:
        assert abs(balances.get("USDT", D(0)) - BOOKS.cash) < D("0.01")
