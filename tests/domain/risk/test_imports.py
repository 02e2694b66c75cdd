"""Positions that were opened elsewhere come in: all that fit or none, as existing risk that no limit holds back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.domain.plan import BreakerPlan, Limits
from shared.messages.ask import ImportAnswered, ImportAsked
from shared.messages.base import Message
from shared.messages.control import ImportPositions, PositionToImport
from shared.messages.halts import Halted
from shared.messages.orders import ImportDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import CommandRefused, PortfolioMarked, PositionsImported
from tests.domain.risk.risk_harness import CALM, PRICES, RiskHarness, renaming
from tests.examples import examples

D = Decimal
BTC, ETH = "BTC/USDT", "ETH/USDT"


def position(symbol: str = ETH, quantity: str = "2", cost: str | None = "1400", stop: str | None = "1425") -> object:
    return PositionToImport(
        symbol=symbol, quantity=D(quantity), cost=D(cost) if cost else None, stop=D(stop) if stop else None
    )


def bring(harness: RiskHarness, *positions: object, **changes: object) -> list[Message]:
    fields: dict[str, object] = {"who": "ana", "reason": "moved here", "positions": positions}
    return harness.handle(ImportPositions(id="i", time_ns=harness.now_ns, **(fields | changes)))  # type: ignore[arg-type]


def ask(harness: RiskHarness, *positions: object, **changes: object) -> ImportAnswered:
    question = ImportAsked(id="q", time_ns=harness.now_ns, reply_to="hs:reply:q", positions=positions, **changes)  # type: ignore[arg-type]
    [answer] = harness.handle(question)
    assert isinstance(answer, ImportAnswered)
    return answer


def refusal(made: list[Message]) -> str:
    [refused] = made
    assert isinstance(refused, CommandRefused)
    return refused.reason


def test_a_position_comes_into_the_books_and_everybody_hears_of_it() -> None:
    harness = RiskHarness()
    imported, told, snapshot = bring(harness, position(), cash=D(50_000))
    assert isinstance(imported, PositionsImported)
    assert (imported.who, imported.reason, imported.cash_before, imported.cash) == (
        "ana",
        "moved here",
        200_000,
        50_000,
    )
    assert (imported.nav_before, imported.nav) == (200_000.0, 53_000.0)
    [booked] = imported.positions
    assert (booked.symbol, booked.quantity, booked.cost, booked.stop) == (ETH, 2, 1_400, 1_425)
    assert isinstance(told, ImportDecided)
    assert (told.symbol, told.quantity, told.stop_price) == (ETH, 2, 1_425)
    assert isinstance(snapshot, PortfolioMarked)
    assert (snapshot.nav, snapshot.cash) == (53_000.0, 50_000)
    assert snapshot.heat == pytest.approx(imported.heat)
    held = harness.machine.state.ledger.position(ETH)
    assert held is not None
    assert (held.quantity, held.cost, held.stop) == (2, 2_800, 1_425)
    assert harness.machine.state.ledger.account.realised == 0


def test_the_answer_to_the_question_is_what_is_booked_and_asking_books_nothing() -> None:
    harness = RiskHarness()
    answer = ask(harness, position(), position(BTC, "0.1", None, None), cash=D(50_000))
    assert harness.machine.state.ledger.positions() == []
    assert [row.fault for row in answer.rows] == ["", ""]
    assert answer.faults == ()
    imported, *_ = bring(harness, position(), position(BTC, "0.1", None, None), cash=D(50_000), cash_before=D(200_000))
    assert isinstance(imported, PositionsImported)
    assert (answer.nav, answer.heat, answer.over) == (imported.nav, imported.heat, imported.over)
    assert [(row.cost, row.stop, row.mark) for row in answer.rows] == [
        (row.cost, row.stop, row.mark) for row in imported.positions
    ]
    assert harness.snapshot.heat == pytest.approx(answer.heat)


def test_without_a_cost_the_price_of_now_counts_and_without_a_stop_that_of_a_new_entry() -> None:
    harness = RiskHarness()
    [row] = ask(harness, position(cost=None, stop=None)).rows
    assert row.cost == 1_500
    assert row.stop is not None
    atr = harness.machine.state.daily[ETH].latest.atr
    assert atr is not None
    assert float(row.stop) == pytest.approx(1_500 - 1.2 * max(atr, 15.0), abs=0.0002)


def test_a_stop_can_not_be_left_out_where_no_atr_is_known() -> None:
    harness = RiskHarness()
    del harness.machine.state.daily[ETH]
    assert "stop is missing, and its ATR is not known" in refusal(bring(harness, position(stop=None)))
    assert isinstance(bring(harness, position())[0], PositionsImported)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [(position("NONE/USDT"), "the pair is not in the universe; add it to universe.toml, or leave it out"),
     (position(quantity="0"), "quantity 0 must be above 0"),
     (position(quantity="1.00005"), "quantity 1.00005 is off the lot of 0.0001 (LOT_SIZE): write 1"),
     (position(quantity="0.003"), "quantity 0.003 is dust, which could not be sold (NOTIONAL): 0.0034 could"),
     (position(cost="-1"), "cost -1 must be above 0"),
     (position(cost="14.9"), "cost 14.9 of a unit is more than 100 times off the price of 1500"),
     (position(cost="150001"), "cost 150001 of a unit is more than 100 times off the price of 1500"),
     (position(stop="0"), "stop 0 must be above 0"),
     (position(stop="1500"), "stop 1500 is not below the price of 1500, and would sell at once"),
     (position(stop="1400.00001"), "stop 1400.00001 is off the tick of 0.0001 (PRICE_FILTER): the nearest")],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_field_value_and_remedy(wanted: object, reason: str) -> None:
    harness = RiskHarness()
    assert reason in refusal(bring(harness, wanted, position(BTC, "0.1", None, None)))
    assert harness.machine.state.ledger.positions() == []
    [row] = ask(harness, wanted).rows
    assert reason in row.fault


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"positions": ()}, "nothing to import: neither a position nor cash is named"),
     ({"cash": D(-1)}, "cash -1 must not be below 0"),
     ({"who": " "}, "names nobody"),
     ({"reason": ""}, "says nothing; say why positions come in"),
     ({"cash_before": D(199_999)}, "cash_before 199999 USDT was seen, the books have 200000 by now"),
     ({"client": "bot"}, "client bot: clients do not execute"),
     ({"positions": (), "cash": D(0)}, "NAV would be 0.00 USDT")],
)  # fmt: skip
def test_an_import_that_makes_no_sense_is_refused(changes: dict[str, object], reason: str) -> None:
    harness = RiskHarness()
    assert reason in refusal(bring(harness, **({"positions": (position(),)} | changes)))


def test_a_pair_that_was_renamed_comes_in_by_its_name_of_now() -> None:
    harness = RiskHarness(universe=renaming("SOL", "XRP"))
    harness.list_pair("SOL/USDT", status="renamed")
    old = position("SOL/USDT", "10", None, "20")
    assert "SOL/USDT: the pair trades as XRP/USDT now; name that" in refusal(bring(harness, old))


def test_what_is_held_stands_twice_or_is_on_order_is_refused() -> None:
    harness = RiskHarness()
    assert "ETH/USDT: the pair stands here twice; add both up" in refusal(bring(harness, position(), position()))
    order = harness.buy(BTC, "0.01", order_type="limit", limit_price=D(19_900))
    assert f"has an open order, {order.order_id}" in refusal(bring(harness, position(BTC, "0.1", None, None)))
    assert "cash 1000 cannot be set while there is 1 open order" in refusal(bring(harness, position(), cash=D(1_000)))
    bring(harness, position())
    assert "the pair is in the books already: 2 ETH/USDT held" in refusal(bring(harness, position()))


def test_nothing_comes_in_without_a_fresh_price_nor_while_nav_is_unknown() -> None:
    harness = RiskHarness(limits=Limits(mark_age_seconds=5.0))
    harness.pass_time(60)
    assert "ETH/USDT: the pair (trading) has no fresh price" in refusal(bring(harness, position()))
    harness.mark(ETH, 1_500.0)
    assert isinstance(bring(harness, position())[0], PositionsImported)
    harness.pass_time(1)
    harness.mark(ETH, float("nan"))
    harness.mark(BTC, 20_000.0)
    assert "NAV is unknown, for ETH/USDT has no price" in refusal(bring(harness, position(BTC, "0.1", None, None)))


def test_what_exceeds_the_limits_comes_in_is_told_and_lets_nothing_more_in() -> None:
    harness = RiskHarness()
    answer = ask(harness, position(quantity="40"))
    assert any(line.startswith("ETH/USDT: $60,000 held and on order, the cap is $13,000") for line in answer.over)
    imported = bring(harness, position(quantity="40"))[0]
    assert isinstance(imported, PositionsImported)
    assert imported.over == answer.over
    assert harness.snapshot.positions[0].quantity == 40
    more = harness.buy(ETH, "1", stop=1_425)
    assert (more.verdict, more.binding) == ("reject", "equity_at_risk")
    assert harness.sell(ETH, "40").verdict == "approve"


def test_heat_that_came_in_over_its_limit_halts_and_sells_nothing() -> None:
    limits = Limits(heat=0.02, nav_age_seconds=1e9, book_age_seconds=0.0)
    breakers = structs.replace(CALM, off=tuple(each for each in CALM.off if each != "heat"), reduce_heat=True)
    harness = RiskHarness(limits=limits, exact=True, breakers=breakers)
    imported = bring(harness, position(quantity="40", stop="1300"))[0]
    assert isinstance(imported, PositionsImported)
    assert imported.heat > 0.02
    made = harness.pass_time(2) + harness.pass_time(2)
    assert [halt.trigger for halt in made if isinstance(halt, Halted)] == ["heat"]
    assert not [order for order in made if isinstance(order, OrderProposed)]


def test_what_comes_in_is_no_gain_and_what_goes_out_no_loss() -> None:
    breakers = BreakerPlan(off=tuple(each for each in CALM.off if each not in ("drawdown", "day_loss")))
    limits = Limits(nav_age_seconds=1e9, book_age_seconds=0.0, mark_age_seconds=1e9)
    harness = RiskHarness(limits=limits, exact=True, breakers=breakers)
    harness.fill(harness.buy(BTC, "0.4", stop=19_500))
    harness.mark(BTC, 19_000.0)
    before = harness.snapshot
    bring(harness, position(), cash=D(20_000))
    after = harness.snapshot
    assert after.nav < 0.2 * before.nav
    for name in ("drawdown", "drawdown_since_resume", "phase_drawdown"):
        assert getattr(after, name) == pytest.approx(getattr(before, name))
    assert not [halt for halt in harness.made if isinstance(halt, Halted)]


def test_an_import_survives_a_restart() -> None:
    harness = RiskHarness()
    bring(harness, position(), cash=D(50_000))
    before = harness.snapshot
    harness.restart()
    after = harness.snapshot
    assert (after.nav, after.cash, after.positions) == (before.nav, before.cash, before.positions)


def test_its_stop_sells_it_as_any_other() -> None:
    harness = RiskHarness()
    bring(harness, position())
    harness.handle(
        OrderFilled(
            id="f", time_ns=harness.now_ns, order_id="stop-x", trade_id="t", symbol=ETH, side="sell", quantity=D(2),
            price=D(1_424), fee_usdt=D(1), stop=True,
        )
    )  # fmt: skip
    assert harness.snapshot.positions == ()
    assert harness.machine.state.ledger.account.realised == 48


def test_where_clients_execute_the_one_that_holds_it_is_named() -> None:
    harness = RiskHarness()
    harness.machine.state.client_orders = True
    assert "client is missing: clients execute" in refusal(bring(harness, position()))
    imported, told, _ = bring(harness, position(), client="bot")
    assert isinstance(imported, PositionsImported)
    assert isinstance(told, ImportDecided)
    assert (imported.client, told.client) == ("bot", "bot")


def test_an_answer_on_many_positions_comes_in_parts() -> None:
    harness = RiskHarness()
    question = ImportAsked(
        id="q", time_ns=harness.now_ns, reply_to="hs:reply:q",
        positions=tuple(PositionToImport(symbol=f"X{number}/USDT", quantity=D(1)) for number in range(100)),
    )  # fmt: skip
    answers = harness.handle(question)
    assert [(each.part, each.parts, len(each.rows)) for each in answers] == [(1, 3, 40), (2, 3, 40), (3, 3, 20)]  # type: ignore[attr-defined]


AMOUNTS = st.decimals(min_value=D(-1), max_value=D("999999999999999999"), allow_nan=False, places=8)


@given(
    symbol=st.sampled_from(sorted(f"{base}/USDT" for base in PRICES)),
    quantity=AMOUNTS,
    cost=st.none() | AMOUNTS,
    stop=st.none() | AMOUNTS,
    cash=st.none() | AMOUNTS,
)
@examples(150)
def test_whatever_is_asked_it_is_refused_by_name_or_nav_is_the_sum_of_what_is_there(
    symbol: str, quantity: Decimal, cost: Decimal | None, stop: Decimal | None, cash: Decimal | None
) -> None:
    harness = RiskHarness()
    wanted = PositionToImport(symbol=symbol, quantity=quantity, cost=cost, stop=stop)
    first, *rest = bring(harness, wanted, cash=cash)
    state = harness.machine.state
    if isinstance(first, CommandRefused):
        assert first.reason
        assert not rest
        assert state.ledger.positions() == []
        assert state.ledger.account.cash == 200_000
        return
    assert isinstance(first, PositionsImported)
    worth = float(quantity) * PRICES[symbol.partition("/")[0]]
    assert state.nav == pytest.approx(float(200_000 if cash is None else cash) + worth)
    [held] = state.ledger.positions()
    assert held.stop is not None
    assert 0 < float(held.stop) < PRICES[symbol.partition("/")[0]]
