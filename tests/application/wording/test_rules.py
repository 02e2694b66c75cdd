"""Every rule's answer in words that an operator understands."""

import pytest

from shared.application.orders import halt_at
from shared.application.wording.rules import (
    allowed_words,
    binding_words,
    clearing_words,
    figures,
    halt_words,
    rule_words,
)
from shared.domain.risk.gate.ceilings import UNBOUNDED
from shared.domain.risk.gate.rules import RULES
from shared.messages.control import Halt, SetLimits
from shared.messages.halts import ClearedBy, Halted
from shared.messages.market import BookSampled
from shared.messages.orders import CeilingReport
from tests.application.wording.report_scenes import harness_with, report_text, why
from tests.domain.risk.risk_harness import RiskHarness
from tests.samples import HOUR, T0, D, decision, header

# --- each rule in words -----------------------------------------------------------------------------------------------


def test_no_rule_is_shown_by_its_name_in_code() -> None:
    for rule in RULES:
        assert "_" not in rule_words(rule.__name__, "ETH/USDT", "Layer 1")


@pytest.mark.parametrize(
    ("limits", "quantity", "words"),
    [
        ({"max_order_usdt": 1_500.0}, "2", "one order by itself may be at most $1,500"),
        ({"pair_cap_nav": 0.01}, "2", "ETH/USDT, by its share of NAV, has $2,000 of $2,000 left"),
        ({"pair_cap_adv": 0.00001}, "2", "ETH/USDT, by its share of daily volume, has $1,000.00 of $1,000.00 left"),
        ({"sector_cap_nav": 0.01}, "2", "sector Layer 1 has $2,000 of $2,000 left"),
        ({"equity_at_risk": 0.0001}, "2", "the risk of one trade in ETH/USDT has $20.00 of $20.00 left"),
        ({"heat": 0.0001}, "2", "the portfolio's heat has $20.00 of $20.00 left"),
        ({"gap_stress": 0.001}, "2", "the loss if everything fell at once has $200.00 of $200.00 left"),
        ({"pair_cap_nav": 1.0, "sector_cap_nav": 1.0, "heat": 1.0}, "500", "free cash has $200,000 of $200,000 left"),
    ],
)
def test_a_trim_names_the_budget_and_what_it_has_left(limits: dict[str, float], quantity: str, words: str) -> None:
    harness = harness_with(**({"equity_at_risk": 1.0} | limits))
    decided = harness.buy("ETH/USDT", quantity)
    assert decided.verdict == "trim", decided.reason
    assert why(decided).replace("$1,000 of $1,000", "$1,000.00 of $1,000.00") == words


def test_a_budget_that_is_used_up_says_so() -> None:
    harness = harness_with(pair_cap_nav=0.01)
    harness.fill(harness.buy("ETH/USDT", "2"))
    harness.pass_time(1)
    harness.mark("ETH/USDT", 1_600.0)
    assert why(harness.buy("ETH/USDT", "1")) == "ETH/USDT, by its share of NAV, is used up: $2,133 of $2,001"


def test_a_stale_mark_is_told_with_its_age() -> None:
    harness = harness_with()
    harness.pass_time(7)
    assert why(harness.buy("ETH/USDT", "1")) == "the mark of ETH/USDT is 7 s old, 5 s are allowed"


def test_a_missing_atr_is_told_with_what_it_means() -> None:
    harness = harness_with()
    del harness.machine.state.daily["ETH/USDT"]
    assert why(harness.buy("ETH/USDT", "1")).startswith("the daily range (ATR) of ETH/USDT is unknown, so nobody")


def test_an_order_that_makes_no_sense_is_told_field_value_and_remedy() -> None:
    assert why(harness_with().buy("ETH/USDT", "1", stop=2_000)) == "stop_price 2000 must be below the price 1500"


def test_open_orders_throttle_and_drawdown_have_their_words() -> None:
    harness = harness_with(max_open_orders=1)
    harness.buy("ETH/USDT", "1")
    assert why(harness.buy("ETH/USDT", "1")) == "1 order is open already, as many as may be"
    harness = harness_with(repeats_per_minute=1)
    harness.buy("ETH/USDT", "1")
    assert why(harness.buy("ETH/USDT", "1")).startswith("orders come too fast: donchian repeats itself")
    harness = harness_with(drawdown=0.001)
    harness.fill(harness.buy("ETH/USDT", "4"))
    harness.pass_time(2)
    for symbol, price in (("ETH/USDT", 1_200.0), ("BTC/USDT", 20_000.0)):
        harness.mark(symbol, price)
    assert why(harness.buy("BTC/USDT", "0.01")) == "NAV is 0.6 % under its high-water mark, 0.1 % is allowed"


def test_more_open_orders_than_a_tightened_limit_allows_are_told_as_they_are() -> None:
    harness = harness_with(max_open_orders=12)
    for _ in range(12):
        harness.buy("ETH/USDT", "0.01")
    change = {"max_open_orders": 5.0}
    harness.handle(SetLimits(id="l", time_ns=harness.now_ns, who="ana", reason="fewer", limits=change))
    assert why(harness.buy("ETH/USDT", "0.01")) == "12 orders are open already, 5 may be"


def test_a_nav_below_zero_is_named() -> None:
    harness = harness_with(pair_cap_nav=1.0, sector_cap_nav=1.0, heat=1.0)
    harness.fill(harness.buy("ETH/USDT", "100"), price=2_999.0)
    harness.pass_time(2)
    for symbol, price in (("ETH/USDT", 900.0), ("BTC/USDT", 20_000.0)):
        harness.mark(symbol, price)
    assert harness.machine.state.nav < 0
    decided = harness.buy("BTC/USDT", "0.01")
    assert why(decided) == f"NAV is {harness.machine.state.nav:,.2f} USDT"
    assert "NAV was unknown, or not above zero." in report_text(decided)


def book(harness: RiskHarness, spread: float | None, median: float | None, ask: float = 1_501.0) -> None:
    harness.handle(
        BookSampled(
            id="book", time_ns=harness.now_ns, symbol="ETH/USDT", bids=((1_499.0, 5.0),), asks=((ask, 5.0),),
            size_usdt=25_000.0, spread=spread, median_spread=median,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spread", "median", "ask", "words"),
    [
        (0.02, 0.001, 1_501.0, "the spread of ETH/USDT at size is 2.00 %, 0.30 % is allowed"),
        (0.001, 0.004, 1_501.0, "the median spread of ETH/USDT at size is 0.40 %, 0.20 % is allowed"),
        (None, None, 1_501.0, "book of ETH/USDT is too thin for 25,000 USDT"),
        (0.001, 0.001, 1_501.0, "the book sells only 5 ETH within the price collar"),
        (0.001, 0.001, 1_900.0, "book of ETH/USDT asks 1900, which is over 1530"),
    ],
)
def test_what_the_book_says_is_told_with_its_figures(
    spread: float | None, median: float | None, ask: float, words: str
) -> None:
    harness = harness_with(book_age_seconds=120.0)
    book(harness, spread, median, ask)
    assert why(harness.buy("ETH/USDT", "6", stop=1_450)) == words


def test_a_missing_book_is_named() -> None:
    assert why(harness_with(book_age_seconds=120.0).buy("ETH/USDT", "1")) == "book of ETH/USDT is missing"


def test_the_exchanges_steps_and_minima_are_named() -> None:
    harness = harness_with(pair_cap_nav=0.00001)
    told = why(harness.buy("ETH/USDT", "1"))
    assert told.startswith("ETH/USDT, by its share of NAV, has $2.00 of $2.00 left; 0.0013, worth 1.95 USDT, ")
    assert told.endswith("is below the exchange's minimum of 5 USDT (NOTIONAL): the least is 0.0034")
    harness = harness_with()
    harness.list_pair("ETH/USDT", max_quantity=D(2))
    assert why(harness.buy("ETH/USDT", "3")) == "one order holds at most 2 (LOT_SIZE)"
    assert why(harness.buy("ETH/USDT", "1.00005")) == (
        "1.00005 is no multiple of the lot step of 0.0001 (LOT_SIZE): 1 is"
    )


def test_an_unknown_rule_of_a_later_version_is_still_told() -> None:
    ceiling = CeilingReport(rule="new_rule", quantity=1, limit=10.0, used=4.0, headroom=6.0, unit="USDT", code="limit")
    assert (
        binding_words("new_rule", (ceiling,), reason="", symbol="ETH/USDT", sector="")
        == "new rule has $6.00 of $10.00 left"
    )
    assert binding_words("other_rule", (), reason="", symbol="ETH/USDT", sector="") == "other rule"


def test_a_decision_from_before_codes_were_kept_is_told_in_its_own_words() -> None:
    median = CeilingReport(
        rule="spread_at_size", quantity=0.0, limit=0.002, used=0.004, headroom=-0.002, unit="fraction",
        reason="median spread 0.40% of ETH/USDT is over the criterion",
    )  # fmt: skip
    rejected = decision(verdict="reject", binding="spread_at_size", reason=median.reason, ceilings=(median,))
    assert why(rejected) == "median spread 0.40% of ETH/USDT is over the criterion"
    below = "0.0013 is below the exchange's minimum of 0.001 base units and 5 USDT"
    assert why(decision(verdict="reject", reason=below)) == below
    assert why(decision()) == "sector Layer 1 has $6,355 of $50,000 left"
    dust = decision(verdict="approve", side="sell", reason="dust: below the exchange's minimum of 5 USDT", ceilings=())
    assert "(what reduces risk always passes)" in report_text(dust)


# --- halts ------------------------------------------------------------------------------------------------------------


def halted(cleared_by: ClearedBy = "operator", **changes: object) -> Halted:
    fields: dict[str, object] = {"symbol": "ETH/USDT", "mode": "reducing", "reason": "opened 9 % lower"}
    fields |= {"trigger": "gap", "evidence": "1.4 ATR from the last close", "cleared_by": cleared_by}
    return Halted(**header("halted-1"), **(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cleared_by", "words"),
    [
        ("operator", "an operator may clear it: heatsink resume ETH --reason WHY"),
        (
            "two_steps",
            "an operator may clear it in two steps: heatsink resume ETH --reason WHY, then again with the code",
        ),
        ("time", "it ends by itself at 2022-11-01 01:00:00, or by an operator: heatsink resume ETH --reason WHY"),
        ("condition", "it ends by itself when that is over"),
    ],
)
def test_a_halt_tells_who_may_clear_it(cleared_by: ClearedBy, words: str) -> None:
    assert clearing_words(halted(cleared_by, until_ns=T0 + HOUR if cleared_by == "time" else 0)).startswith(words)


def test_a_halt_tells_since_when_by_whom_and_on_what_evidence() -> None:
    assert halt_words(halted()).startswith(
        "only reductions pass in ETH/USDT since 2022-11-01 00:00:00, by risk, gap: opened 9 % lower (1.4 ATR from the"
    )
    everywhere = halted(symbol="", mode="halted", trigger="market_shock", evidence="")
    assert halt_words(everywhere).startswith("nothing new is let into the portfolio since")
    assert halt_words(everywhere).endswith(
        "by risk, market shock: opened 9 % lower; an operator may clear it: heatsink resume --reason WHY"
    )


def test_a_halt_that_was_prolonged_is_told_since_it_began() -> None:
    prolonged = halted(since_ns=T0 - HOUR)
    assert "in ETH/USDT since 2022-10-31 23:00:00, by" in halt_words(prolonged)


def test_an_order_rejected_by_a_halt_is_told_with_the_halt_that_stood_then() -> None:
    harness = harness_with()
    begun = [
        message
        for message in harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="odd", symbol="ETH/USDT"))
        if isinstance(message, Halted)
    ]
    decided = harness.buy("ETH/USDT", "1")
    told = why(decided, halt=halt_at("ETH/USDT", decided.time_ns, begun))
    assert "in" in told
    assert "by ana, operator: odd; an operator may clear it: heatsink resume ETH --reason WHY" in told


# --- the table --------------------------------------------------------------------------------------------------------


def test_figures_are_shown_in_their_unit() -> None:
    def row(unit: str, limit: float, used: float) -> tuple[str, str, str]:
        report = CeilingReport(rule="r", quantity=1, limit=limit, used=used, headroom=limit - used, unit=unit)
        return figures(report, "ETH/USDT")

    assert row("", 0, 0) == ("", "", "")
    assert row("USDT", 16_000, 4_000.5) == ("$16,000", "$4,000", "$12,000")
    assert row("fraction", 0.15, 0.02) == ("15.00 %", "2.00 %", "13.00 %")
    assert row("USDT", 0.3, 0.1 + 0.2) == ("$0.30", "$0.30", "$0.00")  # a headroom of -5e-17
    assert row("base", 0.3, 0.1 + 0.2) == ("0.3 ETH", "0.3 ETH", "0 ETH")
    assert row("base", 23623.3565, 0.0) == ("23,623.4 ETH", "0 ETH", "23,623.4 ETH")
    assert row("orders", 40, 3) == ("40", "3", "37")
    assert row("seconds", 5, 0.334833) == ("5 s", "0.3 s", "4.7 s")


def test_what_a_rule_would_allow_is_shown_with_its_worth() -> None:
    def allowed(quantity: float, mark: float = 1_500.0) -> str:
        ceiling = CeilingReport(rule="r", quantity=quantity, limit=1, used=0, headroom=1, unit="USDT")
        return allowed_words(ceiling, "ETH/USDT", mark)

    assert allowed(UNBOUNDED) == "any"
    assert allowed(0) == "nothing"
    assert allowed(1e-13) == "nothing"
    assert allowed(0.5) == "0.5 ETH = $750.00"
    assert allowed(0.5, mark=0.0) == "0.5 ETH"
