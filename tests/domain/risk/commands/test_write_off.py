"""What cannot be sold is taken out of the books by an operator; what can be sold is not."""

from decimal import Decimal

import pytest

from shared.domain.plan import Limits
from shared.messages.base import Message
from shared.messages.control import ImportPositions, PositionToImport, WriteOff
from shared.messages.orders import OrderClosed, OrderFilled, WriteOffDecided
from shared.messages.portfolio import CommandRefused, PortfolioMarked, PositionWrittenOff
from tests.domain.risk.risk_harness import RiskHarness

D = Decimal
ETH, BTC = "ETH/USDT", "BTC/USDT"
LIMITS = Limits(nav_age_seconds=30.0, unpriced_seconds=600.0, mark_age_seconds=1e9, book_age_seconds=0.0)


def holding() -> RiskHarness:
    """Two ETH that were bought at 1,500."""
    harness = RiskHarness(limits=LIMITS, exact=True)
    harness.fill(harness.buy(ETH, "2", stop=1_425))
    return harness


def delisted() -> RiskHarness:
    harness = holding()
    harness.list_pair(ETH, status="delisted")
    return harness


def write_off(harness: RiskHarness, symbol: str = ETH, **changes: object) -> list[Message]:
    fields: dict[str, object] = {"who": "ana", "reason": "delisted", "symbol": symbol}
    return harness.handle(WriteOff(id="w", time_ns=harness.now_ns, **(fields | changes)))  # type: ignore[arg-type]


def test_a_delisted_position_leaves_the_books_and_execution_and_the_audit_hear_of_it() -> None:
    harness = delisted()
    cash = harness.machine.state.ledger.account.cash
    written, told, snapshot = write_off(harness)
    assert isinstance(written, PositionWrittenOff)
    assert (written.who, written.reason, written.symbol) == ("ana", "delisted", ETH)
    assert (written.quantity, written.price, written.cost_usdt, written.proceeds_usdt) == (D(2), 0, D(3_000), 0)
    assert isinstance(told, WriteOffDecided)
    assert (told.symbol, told.reason) == (ETH, "written off by ana: delisted")
    assert isinstance(snapshot, PortfolioMarked)
    assert snapshot.positions == ()
    assert snapshot.cash == cash
    assert harness.machine.state.ledger.account.realised == D(-3_000)


def test_at_a_price_it_goes_to_cash() -> None:
    harness = delisted()
    cash = harness.machine.state.ledger.account.cash
    write_off(harness, price=D(100))
    assert harness.machine.state.ledger.account.cash == cash + 200
    assert harness.machine.state.ledger.account.realised == D(-2_800)


def test_orders_of_the_pair_end_with_it_and_what_execution_still_says_of_them_leads_to_nothing() -> None:
    harness = holding()
    selling = harness.sell(ETH, "1", order_type="limit", limit_price=D(1_600))
    harness.list_pair(ETH, status="delisted")
    write_off(harness)
    assert harness.machine.state.reservations.all() == []
    end = OrderClosed(
        id="c", time_ns=0, order_id=selling.order_id, symbol=ETH, ending="cancelled", quantity_filled=D(0)
    )
    assert harness.handle(end) == []


@pytest.mark.parametrize(
    ("status", "told"),
    [("trading", "ETH/USDT can be sold, for the exchange trades it: heatsink flatten ETH"),
     ("halted", "ETH/USDT is halted, which may pass; once it has had no price for 600 s, it may be written off")],
)  # fmt: skip
def test_what_can_be_sold_or_soon_again_is_not_written_off(status: str, told: str) -> None:
    harness = holding()
    harness.list_pair(ETH, status=status)
    [refused] = write_off(harness)
    assert isinstance(refused, CommandRefused)
    assert (refused.command, refused.reason) == ("WriteOff", told)
    assert harness.machine.state.ledger.quantity(ETH) == 2


def test_a_halted_pair_without_a_price_for_too_long_is_written_off() -> None:
    harness = holding()
    harness.list_pair(ETH, status="halted")
    for _ in range(65):
        harness.pass_time(10)
        harness.mark(BTC, 20_000.0)
    harness.pass_time(1)
    assert isinstance(write_off(harness)[0], PositionWrittenOff)
    assert harness.snapshot.unpriced == ()


def test_dust_is_written_off_although_its_pair_trades() -> None:
    harness = holding()
    harness.fill(harness.sell(ETH, "1.999"))
    harness.pass_time(2)
    assert harness.snapshot.dust == (ETH,)
    write_off(harness, price=D(1_500), reason="dust")
    assert harness.snapshot.positions == ()


def test_what_execution_and_the_books_disagree_about_is_written_off_although_it_trades() -> None:
    harness = RiskHarness(limits=LIMITS, exact=True)
    decided = harness.buy(ETH, "2", stop=1_425)
    harness.handle(
        OrderFilled(
            id="f", time_ns=0, order_id="x", trade_id="t", symbol=ETH, side="buy", quantity=D(1), price=D(1),
            fee_usdt=D(0),
        )
    )  # fmt: skip
    assert isinstance(write_off(harness, reason="looked")[0], PositionWrittenOff)
    assert harness.machine.state.reservations.get(decided.order_id) is None
    assert harness.machine.state.heat.reserved_risk == 0.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"symbol": BTC}, "nothing is held of BTC/USDT"),
     ({"price": D(-1)}, "price -1 must not be below 0"),
     ({"price": D(3_001)}, "price 3001 is over 2 times the last one, 1500; name what a unit is worth"),
     ({"reason": " "}, 'reason = " " says nothing; say why a position is written off')],
)  # fmt: skip
def test_a_write_off_that_makes_no_sense_is_refused_with_the_reason(changes: dict[str, object], reason: str) -> None:
    [refused] = write_off(delisted(), **changes)
    assert isinstance(refused, CommandRefused)
    assert refused.reason == reason


def test_where_nothing_is_held_there_is_nothing_to_do_unless_orders_are_open() -> None:
    harness = holding()
    [nothing] = write_off(harness, BTC)
    assert isinstance(nothing, CommandRefused)
    assert (nothing.nothing_to_do, nothing.reason) == (True, "nothing is held of BTC/USDT")
    harness.buy(BTC, "0.01", order_type="limit", limit_price=D(19_900))
    [refused] = write_off(harness, BTC)
    assert isinstance(refused, CommandRefused)
    assert not refused.nothing_to_do
    assert "it has open orders; to cancel them: heatsink flatten BTC" in refused.reason


def test_that_a_pair_can_be_sold_is_said_before_anything_of_its_price() -> None:
    [refused] = write_off(holding(), price=D(3_001))
    assert isinstance(refused, CommandRefused)
    assert "ETH/USDT can be sold" in refused.reason


def test_a_position_of_a_pair_that_left_the_universe_is_written_off_by_its_name() -> None:
    harness = holding()
    ledger = harness.machine.state.ledger
    ledger.rename(ETH, "OLD/USDT", D(1))
    harness.restart()
    assert harness.machine.state.outside == {"OLD/USDT"}
    assert isinstance(write_off(harness, "OLD/USDT")[0], PositionWrittenOff)
    assert harness.snapshot.positions == ()


def test_what_came_in_by_an_import_is_written_off_as_any_other_and_the_loss_stays_a_loss() -> None:
    harness = RiskHarness(limits=LIMITS, exact=True)
    wanted = PositionToImport(symbol=ETH, quantity=D(2), cost=D(1_000))
    harness.handle(ImportPositions(id="i", time_ns=harness.now_ns, who="ana", reason="moved", positions=(wanted,)))
    before = harness.snapshot
    harness.list_pair(ETH, status="delisted")
    write_off(harness, price=D(500))
    after = harness.snapshot
    assert before.heat > after.heat == 0.0
    assert harness.machine.state.ledger.account.realised == D(-1_000)
    assert after.drawdown == pytest.approx(2_000 / before.nav)
