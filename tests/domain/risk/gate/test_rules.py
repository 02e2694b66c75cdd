"""Every ceiling at work, and the verdicts that follow from them."""

from decimal import Decimal

import pytest

from shared.domain.plan import Limits
from shared.domain.risk.gate.rules import RULES, UNBOUNDED
from shared.messages.control import Halt, Resume
from shared.messages.halts import Halted, Resumed
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided, StopApproved, StopRaised
from tests.domain.risk.risk_desk import PRICES, Desk
from tests.samples import T0, bar, proposal

D = Decimal
WIDE = Limits(equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0)


def ceiling(decided: OrderDecided, rule: str) -> float:
    return next(row.quantity for row in decided.ceilings if row.rule == rule)


def test_a_small_order_is_approved_whole_and_says_every_ceiling() -> None:
    decided = Desk().buy("BTC/USDT", "0.1")
    assert (decided.verdict, decided.quantity_approved, decided.binding) == ("approve", D("0.1"), "")
    assert [row.rule for row in decided.ceilings] == [rule.__name__ for rule in RULES]
    assert decided.nav == pytest.approx(200_000.0)
    assert decided.seq == 1


def test_an_order_over_the_pair_cap_is_trimmed_to_five_percent_of_nav() -> None:
    decided = Desk().buy("BTC/USDT", "2", stop=19_900)
    assert (decided.verdict, decided.binding) == ("trim", "pair_cap_nav")
    assert decided.quantity_approved == D("0.5")  # 10,000 / 20,000


def test_an_order_exactly_at_the_pair_cap_is_approved_whole() -> None:
    assert Desk().buy("BTC/USDT", "0.5", stop=19_900).verdict == "approve"


def test_one_lot_more_than_the_pair_cap_is_trimmed() -> None:
    decided = Desk().buy("BTC/USDT", "0.5001", stop=19_900)
    assert (decided.verdict, decided.quantity_approved) == ("trim", D("0.5000"))


def test_an_order_that_risks_more_than_its_equity_at_risk_is_trimmed() -> None:
    decided = Desk().buy("BTC/USDT", "0.5", stop=16_000)
    assert (decided.verdict, decided.binding) == ("trim", "equity_at_risk")
    assert decided.quantity_approved == D("0.25")  # 1,000 / 4,000


def test_the_phase_scales_the_equity_at_risk() -> None:
    assert Desk(scale=0.25).buy("BTC/USDT", "0.5", stop=16_000).quantity_approved == D("0.0625")


def test_a_second_order_in_a_pair_counts_what_the_first_reserved() -> None:
    desk = Desk()
    desk.buy("BTC/USDT", "0.3", stop=19_900)
    second = desk.buy("BTC/USDT", "0.3", stop=19_900)
    assert (second.binding, second.quantity_approved) == ("pair_cap_nav", D("0.2"))


def test_the_adv_cap_binds_in_a_thin_pair() -> None:
    desk = Desk(limits=Limits(pair_cap_adv=0.00000001))
    decided = desk.buy("XRP/USDT", "1000")  # 1 USDT of 100M a day
    assert (decided.verdict, decided.binding) == ("reject", "pair_cap_adv")
    assert "minimum" in decided.reason


def test_a_sector_fills_up_at_a_quarter_of_nav() -> None:
    desk = Desk(limits=Limits(pair_cap_nav=0.2))
    desk.fill(desk.buy("SOL/USDT", "1300", stop=29.9))
    decided = desk.buy("ADA/USDT", "40000", stop=0.399)
    assert (decided.verdict, decided.binding) == ("trim", "sector_cap")
    left = 50_000 - 39_000
    assert float(decided.quantity_approved) * 0.4 == pytest.approx(left, rel=0.01)


def test_an_order_over_the_heat_limit_is_trimmed_to_the_headroom() -> None:
    desk = Desk(limits=Limits(equity_at_risk=1.0, pair_cap_nav=1.0, sector_cap_nav=1.0, heat=0.02))
    decided = desk.buy("BTC/USDT", "5", stop=18_000)
    assert (decided.verdict, decided.binding) == ("trim", "portfolio_heat")
    assert decided.heat_after <= 0.02
    assert decided.heat_after == pytest.approx(0.02, rel=1e-3)
    nothing_left = desk.buy("ETH/USDT", "1")
    assert (nothing_left.verdict, nothing_left.binding) == ("reject", "portfolio_heat")


def test_heat_counts_the_cost_of_getting_out() -> None:
    desk = Desk(limits=WIDE)
    decided = desk.buy("BTC/USDT", "1", stop=19_000)
    pair = desk.machine.state.heat.pairs["BTC/USDT"]
    assert pair.exit_rate >= 0.0015  # fee 10 bp, half spread 5 bp
    assert decided.risk_usdt == pytest.approx(1_000 + 20_000 * pair.exit_rate)


def test_cash_is_promised_once() -> None:
    desk = Desk(limits=WIDE, cash=30_000.0)
    desk.buy("BTC/USDT", "1", stop=19_900)
    decided = desk.buy("ETH/USDT", "10", stop=1_490)
    assert (decided.verdict, decided.binding) == ("trim", "cash")
    spent = 20_000 + float(decided.quantity_approved) * 1_500
    assert 29_500 < spent < 30_000


def test_a_closed_order_gives_back_what_it_reserved() -> None:
    desk = Desk()
    decided = desk.buy("BTC/USDT", "0.5", stop=19_900)
    desk.close(decided, "cancelled")
    assert desk.machine.state.heat.reserved_risk == 0.0
    assert desk.buy("BTC/USDT", "0.5", stop=19_900).verdict == "approve"


def test_a_partly_filled_order_reserves_only_what_is_left() -> None:
    desk = Desk()
    decided = desk.buy("BTC/USDT", "0.4", stop=19_900)
    whole = desk.machine.state.heat.reserved_risk
    desk.fill(decided, quantity="0.1")
    assert desk.machine.state.heat.reserved_risk == pytest.approx(whole * 0.75)
    assert desk.machine.state.ledger.quantity("BTC/USDT") == D("0.1")


def test_a_fill_heard_twice_is_booked_once() -> None:
    desk = Desk()
    decided = desk.buy("BTC/USDT", "0.4", stop=19_900)
    desk.fill(decided)
    cash = desk.machine.state.ledger.account.cash
    fill = next(reversed([m for m in desk.made if type(m).__name__ == "PortfolioMarked"]))
    assert fill is not None
    desk.machine.handle(
        proposal(order_id=decided.order_id)  # the order is decided once, too
    )
    assert desk.machine.take_repeats() == [decided.order_id]
    assert desk.machine.state.ledger.account.cash == cash


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"symbol": "DOGE/USDT"}, "DOGE/USDT"),
        ({"portfolio": "other"}, "other"),
        ({"quantity": D(0)}, "quantity 0"),
        ({"stop_price": None}, "stop_price"),
        ({"stop_price": D(-1)}, "stop_price -1"),
        ({"stop_price": D(20_000)}, "stop_price 20000 must be below"),
        ({"order_type": "limit"}, "limit_price"),
        ({"expires_ns": T0}, "expires_ns"),
        ({"reduce_only": True}, "reduce_only"),
    ],
)
def test_an_order_that_makes_no_sense_is_rejected_with_the_field_named(fields: dict[str, object], named: str) -> None:
    order = {"symbol": "BTC/USDT", "side": "buy", "quantity": D("0.1"), "stop_price": D(19_900)} | fields
    decided = Desk().propose(**order)
    assert (decided.verdict, decided.binding) == ("reject", "known_and_valid")
    assert named in decided.reason


@pytest.mark.parametrize("portfolio", ["", "main"])
def test_an_order_that_names_no_portfolio_is_of_the_one_on_whose_stream_it_stands(portfolio: str) -> None:
    order = {"symbol": "BTC/USDT", "side": "buy", "quantity": D("0.1"), "stop_price": D(19_900)}
    assert Desk().propose(**order, portfolio=portfolio).verdict == "approve"


def test_a_stale_mark_closes_the_gate_and_a_new_one_opens_it() -> None:
    desk = Desk()
    desk.pass_time(5.1)
    decided = desk.buy("BTC/USDT", "0.1")
    assert (decided.verdict, decided.binding) == ("reject", "fresh_mark")
    assert "stale" in decided.reason
    desk.mark("BTC/USDT", 20_000.0, age_seconds=4.9)
    assert desk.buy("BTC/USDT", "0.1").verdict == "approve"


def test_at_sixty_times_the_speed_a_mark_may_be_sixty_times_as_old() -> None:
    desk = Desk(speed=60.0)
    desk.pass_time(299)
    assert desk.buy("BTC/USDT", "0.1").verdict == "approve"
    desk.pass_time(2)
    assert desk.buy("ETH/USDT", "0.1").binding == "fresh_mark"


def test_a_position_without_a_price_makes_nav_unknown_and_closes_the_gate() -> None:
    desk = Desk()
    desk.fill(desk.buy("BTC/USDT", "0.1"))
    desk.machine.state.heat.set_mark(desk.machine.state.heat.pairs["BTC/USDT"], 0.0, desk.now_ns)
    decided = desk.buy("ETH/USDT", "0.1")
    assert (decided.verdict, decided.reason) == ("reject", "NAV is unknown: no price of BTC/USDT, which is held")


def test_a_pair_without_daily_history_has_no_atr_and_is_rejected() -> None:
    desk = Desk()
    del desk.machine.state.daily["ETH/USDT"]
    decided = desk.buy("ETH/USDT", "0.1")
    assert (decided.verdict, decided.binding, decided.reason) == ("reject", "known_atr", "ATR is unknown")


def test_a_pair_that_stopped_trading_takes_no_new_risk_but_lets_you_out() -> None:
    desk = Desk()
    desk.fill(desk.buy("BTC/USDT", "0.1"))
    desk.handle(PairListed(id="x", time_ns=T0, symbol="BTC/USDT", status="halted", reason="BREAK"))
    assert "halted" in desk.buy("BTC/USDT", "0.1").reason
    assert desk.sell("BTC/USDT", "0.1").verdict == "approve"


def test_a_sell_up_to_the_position_passes_with_a_stale_price_under_a_halt() -> None:
    desk = Desk()
    desk.fill(desk.buy("BTC/USDT", "0.1"))
    desk.pass_time(3600)
    desk.handle(Halt(id="h", time_ns=desk.now_ns, who="ana", reason="test"))
    assert desk.buy("ETH/USDT", "1").binding == "halted"
    assert desk.sell("BTC/USDT", "0.1").verdict == "approve"


def test_a_sell_of_more_than_is_held_is_trimmed_to_the_position() -> None:
    desk = Desk()
    desk.fill(desk.buy("BTC/USDT", "0.1"))
    decided = desk.sell("BTC/USDT", "0.3")
    assert (decided.verdict, decided.quantity_approved, decided.binding) == ("trim", D("0.1"), "position")
    again = desk.sell("BTC/USDT", "0.1")
    assert (again.verdict, again.binding) == ("reject", "position")


def test_a_halt_and_its_end_are_messages() -> None:
    desk = Desk()
    [halted] = desk.handle(Halt(id="h", time_ns=desk.now_ns, who="ana", reason="news", symbol="ETH/USDT"))
    assert isinstance(halted, Halted)
    assert desk.buy("ETH/USDT", "0.1").reason == "ETH/USDT halted: news"
    assert desk.buy("BTC/USDT", "0.1").verdict == "approve"
    [resumed] = desk.handle(Resume(id="r", time_ns=desk.now_ns, who="ana", reason="seen", symbol="ETH/USDT"))
    assert isinstance(resumed, Resumed)
    assert desk.buy("ETH/USDT", "0.1").verdict == "approve"


def test_a_halt_with_an_end_is_lifted_by_time() -> None:
    desk = Desk()
    until = desk.now_ns + 60_000_000_000
    desk.handle(Halt(id="h", time_ns=desk.now_ns, who="ana", reason="news", until_ns=until))
    assert desk.buy("ETH/USDT", "0.1").binding == "halted"
    made = desk.pass_time(61)
    assert any(isinstance(message, Resumed) for message in made)


def test_a_stop_only_moves_up() -> None:
    desk = Desk()
    desk.fill(desk.buy("BTC/USDT", "0.1", stop=19_000))

    def raised_to(price: int) -> list[object]:
        return list(desk.handle(StopRaised(id=f"r{price}", time_ns=T0, symbol="BTC/USDT", stop_price=D(price))))

    assert [type(message) for message in raised_to(19_500)] == [StopApproved]
    desk.stop_placed("BTC/USDT", "19500")
    assert raised_to(19_400) == []
    assert raised_to(19_500) == []
    desk.stop_placed("BTC/USDT", "19400")
    position = desk.machine.state.ledger.position("BTC/USDT")
    assert position is not None
    assert position.stop == D(19_500)


def test_heat_falls_as_the_stop_rises() -> None:
    desk = Desk()
    desk.fill(desk.buy("BTC/USDT", "0.1", stop=19_000))
    before = desk.snapshot.heat
    desk.stop_placed("BTC/USDT", "19900")
    desk.mark("BTC/USDT", PRICES["BTC"])
    assert desk.snapshot.heat < before / 2


def test_a_closed_bar_newer_than_the_mark_is_the_mark() -> None:
    desk = Desk()
    newer = bar("BTC/USDT", hour=24 * 41, close=21_000.0)
    desk.pass_time((newer.close_time_ns - desk.now_ns) / 1e9)
    desk.handle(newer)
    assert desk.machine.state.heat.pairs["BTC/USDT"].mark == 21_000.0
    desk.mark("BTC/USDT", 20_000.0, age_seconds=60)
    assert desk.machine.state.heat.pairs["BTC/USDT"].mark == 21_000.0


def test_an_order_below_the_exchanges_minimum_is_rejected() -> None:
    decided = Desk().buy("BTC/USDT", "0.0002")
    assert (decided.verdict, decided.binding) == ("reject", "minimum")


def test_a_quantity_is_cut_to_the_lot_step() -> None:
    decided = Desk().buy("BTC/USDT", "0.10007")
    assert (decided.verdict, decided.quantity_approved, decided.binding) == ("trim", D("0.1000"), "lot_step")


def test_no_ceiling_travels_as_a_finite_number() -> None:
    assert ceiling(Desk().buy("BTC/USDT", "0.1"), "known_and_valid") == UNBOUNDED


def test_a_renamed_pair_takes_its_position_along() -> None:
    desk = Desk()
    desk.fill(desk.buy("SOL/USDT", "10", stop=29))
    desk.handle(PairListed(id="x", time_ns=T0, symbol="LINK/USDT", status="trading", formerly="SOL/USDT", ratio=D(2)))
    position = desk.machine.state.ledger.position("LINK/USDT")
    assert position is not None
    assert (position.quantity, position.stop) == (D(20), D("14.5"))
    assert desk.machine.state.ledger.position("SOL/USDT") is None
