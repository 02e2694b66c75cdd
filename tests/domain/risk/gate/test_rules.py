"""Every ceiling at work, and the verdicts that follow from them."""

from decimal import Decimal

import pytest

from shared.domain.plan import Limits
from shared.domain.risk.gate.ceilings import UNBOUNDED
from shared.domain.risk.gate.rules import RULES
from shared.messages.base import Message
from shared.messages.control import Halt, Resume
from shared.messages.halts import Halted, Resumed
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided, ProposalRefused, StopApproved, StopRaised
from tests.domain.risk.risk_harness import PRICES, RiskHarness, renaming
from tests.samples import T0, bar, proposal

D = Decimal
WIDE = Limits(equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0)


def ceiling(decided: OrderDecided, rule: str) -> float:
    return next(row.quantity for row in decided.ceilings if row.rule == rule)


def test_a_small_order_is_approved_whole_and_says_every_ceiling() -> None:
    decided = RiskHarness().buy("BTC/USDT", "0.1")
    assert (decided.verdict, decided.quantity_approved, decided.binding) == ("approve", D("0.1"), "")
    assert [row.rule for row in decided.ceilings] == [rule.__name__ for rule in RULES]
    assert decided.nav == pytest.approx(200_000.0)
    assert decided.seq == 1


def test_an_order_over_the_pair_cap_is_trimmed_to_five_percent_of_nav() -> None:
    decided = RiskHarness().buy("BTC/USDT", "2", stop=19_900)
    assert (decided.verdict, decided.binding) == ("trim", "pair_cap_nav")
    assert decided.quantity_approved == D("0.5")  # 10,000 / 20,000


def test_an_order_exactly_at_the_pair_cap_is_approved_whole() -> None:
    assert RiskHarness().buy("BTC/USDT", "0.5", stop=19_900).verdict == "approve"


def test_one_lot_more_than_the_pair_cap_is_trimmed() -> None:
    decided = RiskHarness().buy("BTC/USDT", "0.5001", stop=19_900)
    assert (decided.verdict, decided.quantity_approved) == ("trim", D("0.5000"))


def test_an_order_that_risks_more_than_its_equity_at_risk_is_trimmed() -> None:
    decided = RiskHarness().buy("BTC/USDT", "0.5", stop=16_000)
    assert (decided.verdict, decided.binding) == ("trim", "equity_at_risk")
    assert decided.quantity_approved == D("0.25")  # 1,000 / 4,000


def test_the_phase_scales_the_equity_at_risk() -> None:
    assert RiskHarness(scale=0.25).buy("BTC/USDT", "0.5", stop=16_000).quantity_approved == D("0.0625")


def test_a_second_order_in_a_pair_counts_what_the_first_reserved() -> None:
    harness = RiskHarness()
    harness.buy("BTC/USDT", "0.3", stop=19_900)
    second = harness.buy("BTC/USDT", "0.3", stop=19_900)
    assert (second.binding, second.quantity_approved) == ("pair_cap_nav", D("0.2"))


def test_the_adv_cap_binds_in_a_thin_pair() -> None:
    harness = RiskHarness(limits=Limits(pair_cap_adv=0.00000001))
    decided = harness.buy("XRP/USDT", "1000")  # 1 USDT of 100M a day
    assert (decided.verdict, decided.binding) == ("reject", "pair_cap_adv")
    assert "minimum" in decided.reason


def test_a_sector_fills_up_at_a_quarter_of_nav() -> None:
    harness = RiskHarness(limits=Limits(pair_cap_nav=0.2))
    harness.fill(harness.buy("SOL/USDT", "1300", stop=29.9))
    decided = harness.buy("ADA/USDT", "40000", stop=0.399)
    assert (decided.verdict, decided.binding) == ("trim", "sector_cap")
    left = 50_000 - 39_000
    assert float(decided.quantity_approved) * 0.4 == pytest.approx(left, rel=0.01)


def test_an_order_over_the_heat_limit_is_trimmed_to_the_headroom() -> None:
    harness = RiskHarness(limits=Limits(equity_at_risk=1.0, pair_cap_nav=1.0, sector_cap_nav=1.0, heat=0.02))
    decided = harness.buy("BTC/USDT", "5", stop=18_000)
    assert (decided.verdict, decided.binding) == ("trim", "portfolio_heat")
    assert decided.heat_after <= 0.02
    assert decided.heat_after == pytest.approx(0.02, rel=1e-3)
    nothing_left = harness.buy("ETH/USDT", "1")
    assert (nothing_left.verdict, nothing_left.binding) == ("reject", "portfolio_heat")


def test_heat_counts_the_cost_of_getting_out() -> None:
    harness = RiskHarness(limits=WIDE)
    decided = harness.buy("BTC/USDT", "1", stop=19_000)
    pair = harness.machine.state.heat.pairs["BTC/USDT"]
    assert pair.exit_rate >= 0.0015  # fee 10 bp, half spread 5 bp
    assert decided.risk_usdt == pytest.approx(1_000 + 20_000 * pair.exit_rate)


def test_cash_is_promised_once() -> None:
    harness = RiskHarness(limits=WIDE, cash=30_000.0)
    harness.buy("BTC/USDT", "1", stop=19_900)
    decided = harness.buy("ETH/USDT", "10", stop=1_490)
    assert (decided.verdict, decided.binding) == ("trim", "cash")
    spent = 20_000 + float(decided.quantity_approved) * 1_500
    assert 29_500 < spent < 30_000


def test_a_closed_order_gives_back_what_it_reserved() -> None:
    harness = RiskHarness()
    decided = harness.buy("BTC/USDT", "0.5", stop=19_900)
    harness.close(decided, "cancelled")
    assert harness.machine.state.heat.reserved_risk == 0.0
    assert harness.buy("BTC/USDT", "0.5", stop=19_900).verdict == "approve"


def test_a_partly_filled_order_reserves_only_what_is_left() -> None:
    harness = RiskHarness()
    decided = harness.buy("BTC/USDT", "0.4", stop=19_900)
    whole = harness.machine.state.heat.reserved_risk
    harness.fill(decided, quantity="0.1")
    assert harness.machine.state.heat.reserved_risk == pytest.approx(whole * 0.75)
    assert harness.machine.state.ledger.quantity("BTC/USDT") == D("0.1")


def test_a_fill_heard_twice_is_booked_once() -> None:
    harness = RiskHarness()
    decided = harness.buy("BTC/USDT", "0.4", stop=19_900)
    harness.fill(decided)
    cash = harness.machine.state.ledger.account.cash
    fill = next(reversed([m for m in harness.made if type(m).__name__ == "PortfolioMarked"]))
    assert fill is not None
    harness.machine.handle(
        proposal(order_id=decided.order_id)  # the order is decided once, too
    )
    assert harness.machine.take_repeats() == [decided.order_id]
    assert harness.machine.state.ledger.account.cash == cash


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
    decided = RiskHarness().propose(**order)
    assert (decided.verdict, decided.binding) == ("reject", "known_and_valid")
    assert named in decided.reason


@pytest.mark.parametrize("portfolio", ["", "main"])
def test_an_order_that_names_no_portfolio_is_of_the_one_on_whose_stream_it_stands(portfolio: str) -> None:
    order = {"symbol": "BTC/USDT", "side": "buy", "quantity": D("0.1"), "stop_price": D(19_900)}
    assert RiskHarness().propose(**order, portfolio=portfolio).verdict == "approve"


def test_a_stale_mark_closes_the_gate_and_a_new_one_opens_it() -> None:
    harness = RiskHarness()
    harness.pass_time(5.1)
    decided = harness.buy("BTC/USDT", "0.1")
    assert (decided.verdict, decided.binding) == ("reject", "fresh_mark")
    assert "stale" in decided.reason
    harness.mark("BTC/USDT", 20_000.0, age_seconds=4.9)
    assert harness.buy("BTC/USDT", "0.1").verdict == "approve"


def test_at_sixty_times_the_speed_a_mark_may_be_sixty_times_as_old() -> None:
    harness = RiskHarness(speed=60.0)
    harness.pass_time(299)
    assert harness.buy("BTC/USDT", "0.1").verdict == "approve"
    harness.pass_time(2)
    assert harness.buy("ETH/USDT", "0.1").binding == "fresh_mark"


def test_a_position_without_a_price_makes_nav_unknown_and_closes_the_gate() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    harness.machine.state.heat.set_mark(harness.machine.state.heat.pairs["BTC/USDT"], 0.0, harness.now_ns)
    decided = harness.buy("ETH/USDT", "0.1")
    assert (decided.verdict, decided.reason) == ("reject", "NAV is unknown: no price of BTC/USDT, which is held")


def test_a_pair_without_daily_history_has_no_atr_and_is_rejected() -> None:
    harness = RiskHarness()
    del harness.machine.state.daily["ETH/USDT"]
    decided = harness.buy("ETH/USDT", "0.1")
    assert (decided.verdict, decided.binding, decided.reason) == ("reject", "known_atr", "ATR is unknown")


def test_a_pair_that_stopped_trading_takes_no_new_risk_but_lets_you_out() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    harness.handle(PairListed(id="x", time_ns=T0, symbol="BTC/USDT", status="halted", reason="BREAK"))
    assert "halted" in harness.buy("BTC/USDT", "0.1").reason
    assert harness.sell("BTC/USDT", "0.1").verdict == "approve"


def test_a_sell_up_to_the_position_passes_with_a_stale_price_under_a_halt() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    harness.pass_time(3600)
    harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="test"))
    assert harness.buy("ETH/USDT", "1").binding == "halted"
    assert harness.sell("BTC/USDT", "0.1").verdict == "approve"


def test_a_sell_of_more_than_is_held_is_trimmed_to_the_position() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    decided = harness.sell("BTC/USDT", "0.3")
    assert (decided.verdict, decided.quantity_approved, decided.binding) == ("trim", D("0.1"), "position")
    again = harness.sell("BTC/USDT", "0.1")
    assert (again.verdict, again.binding) == ("reject", "position")


def test_a_halt_and_its_end_are_messages() -> None:
    harness = RiskHarness()
    [halted] = harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="news", symbol="ETH/USDT"))
    assert isinstance(halted, Halted)
    assert harness.buy("ETH/USDT", "0.1").reason == "ETH/USDT halted: news"
    assert harness.buy("BTC/USDT", "0.1").verdict == "approve"
    [resumed] = harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="seen", symbol="ETH/USDT"))
    assert isinstance(resumed, Resumed)
    assert harness.buy("ETH/USDT", "0.1").verdict == "approve"


def test_a_halt_with_an_end_is_lifted_by_time() -> None:
    harness = RiskHarness()
    until = harness.now_ns + 60_000_000_000
    harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="news", until_ns=until))
    assert harness.buy("ETH/USDT", "0.1").binding == "halted"
    made = harness.pass_time(61)
    assert any(isinstance(message, Resumed) for message in made)


def test_a_raised_stop_names_the_stop_of_the_position_that_it_was_approved_for() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1", stop=19_000))
    harness.stop_placed("BTC/USDT", "19000")
    position = harness.machine.state.ledger.position("BTC/USDT")
    assert position is not None
    assert position.stop_order_id
    [approved] = harness.handle(StopRaised(id="r", time_ns=T0, symbol="BTC/USDT", stop_price=D(19_500)))
    assert isinstance(approved, StopApproved)
    assert approved.stop_order_id == position.stop_order_id


def test_a_stop_only_moves_up() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1", stop=19_000))

    def raised_to(price: int, name: str = "r") -> type[Message]:
        [made] = harness.handle(StopRaised(id=f"{name}{price}", time_ns=T0, symbol="BTC/USDT", stop_price=D(price)))
        return type(made)

    assert raised_to(19_500) is StopApproved
    harness.stop_placed("BTC/USDT", "19500")
    assert raised_to(19_400) is ProposalRefused
    assert raised_to(19_500, name="another") is ProposalRefused
    harness.stop_placed("BTC/USDT", "19400")
    position = harness.machine.state.ledger.position("BTC/USDT")
    assert position is not None
    assert position.stop == D(19_500)


def test_heat_falls_as_the_stop_rises() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1", stop=19_000))
    before = harness.snapshot.heat
    harness.stop_placed("BTC/USDT", "19900")
    harness.mark("BTC/USDT", PRICES["BTC"])
    assert harness.snapshot.heat < before / 2


def test_a_closed_bar_newer_than_the_mark_is_the_mark() -> None:
    harness = RiskHarness()
    newer = bar("BTC/USDT", hour=24 * 41, close=21_000.0)
    harness.pass_time((newer.close_time_ns - harness.now_ns) / 1e9)
    harness.handle(newer)
    assert harness.machine.state.heat.pairs["BTC/USDT"].mark == 21_000.0
    harness.mark("BTC/USDT", 20_000.0, age_seconds=60)
    assert harness.machine.state.heat.pairs["BTC/USDT"].mark == 21_000.0


def test_an_order_below_the_exchanges_minimum_is_rejected() -> None:
    decided = RiskHarness().buy("BTC/USDT", "0.0002")
    assert (decided.verdict, decided.binding) == ("reject", "minimum")


def test_a_quantity_is_cut_to_the_lot_step() -> None:
    decided = RiskHarness().buy("BTC/USDT", "0.10007")
    assert (decided.verdict, decided.quantity_approved, decided.binding) == ("trim", D("0.1000"), "lot_step")


def test_no_ceiling_travels_as_a_finite_number() -> None:
    assert ceiling(RiskHarness().buy("BTC/USDT", "0.1"), "known_and_valid") == UNBOUNDED


def test_a_renamed_pair_takes_its_position_along() -> None:
    harness = RiskHarness(universe=renaming("SOL", "LINK", D(2)))
    harness.fill(harness.buy("SOL/USDT", "10", stop=29))
    harness.handle(
        PairListed(id="x", time_ns=T0, symbol="LINK/USDT", status="trading", formerly="SOL/USDT", ratio=D(2))
    )
    position = harness.machine.state.ledger.position("LINK/USDT")
    assert position is not None
    assert (position.quantity, position.stop) == (D(20), D("14.5"))
    assert harness.machine.state.ledger.position("SOL/USDT") is None


@pytest.mark.parametrize(("speed", "said"), [(1.0, ""), (7_200.0, "sampled 6.0 h of market time ago")])
def test_the_price_collar_says_how_old_a_book_is_in_a_market_that_runs_fast(speed: float, said: str) -> None:
    limits = Limits(price_collar=0.02, book_age_seconds=120.0, mark_age_seconds=60.0)
    harness = RiskHarness(limits=limits, exact=True, speed=speed)
    harness.book("ETH/USDT")
    harness.pass_time(3 * speed)
    harness.mark("ETH/USDT", 1_400.0)
    decided = harness.buy("ETH/USDT", "0.1", stop=1_300.0)
    [row] = [row for row in decided.ceilings if row.rule == "price_collar"]
    assert (decided.verdict, row.quantity) == ("reject", 0.0)
    assert said in row.reason
    assert ("market time" in row.reason) is bool(said)
