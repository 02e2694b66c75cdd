"""What a run came to, at its end."""

import msgspec

from services.cli.up.summary import summary_lines, summary_rows
from shared.application.monitor import Activity
from shared.messages.halts import Halted
from shared.messages.market import PairListed
from shared.messages.portfolio import PortfolioMarked
from tests.cli.up.activities import activity_of_samples
from tests.samples import header


def test_the_summary_counts_verdicts_rules_fills_and_the_first_decision() -> None:
    rows = dict(summary_rows(activity_of_samples(), 61.0, {"sizing": 2, "risk": 1}))
    assert rows["ran"].startswith("1 min 1 s")
    assert rows["verdicts"] == "1: approve 0, trim 1, reject 0"
    assert rows["bound by"] == "sector_cap 1"
    assert rows["sizes"] == "1 for 1 pair"
    assert rows["fills"] == "1, fees $6.36"
    assert rows["NAV"] == "$200,000 (+0.00 %), drawdown 0.00 %"
    assert rows["heat"] == "0.16 % of 8 %, at most 0.16 %"
    assert rows["restarts"] == "3: sizing 2, risk 1"
    assert rows["first decision"] == "3.5 s after the services' start"
    assert rows["refused"].startswith("1 message that")


def test_many_pairs_that_are_off_are_counted_and_few_are_named() -> None:
    activity = Activity()
    for name in ("BNB", "SOL"):
        activity.take(PairListed(**header(name), symbol=f"{name}/USDT", status="halted"), now=1.0)
    assert dict(summary_rows(activity, 1.0, {}))["pairs off"] == "BNB/USDT (halted), SOL/USDT (halted)"
    for name in ("ADA", "XRP", "DOT", "UNI"):
        activity.take(PairListed(**header(name), symbol=f"{name}/USDT", status="halted"), now=1.0)
    assert dict(summary_rows(activity, 1.0, {}))["pairs off"] == "6 (BNB, SOL, ADA, ...)"


def test_the_summary_of_a_run_in_which_nothing_happened_is_complete() -> None:
    text = "\n".join(summary_lines(summary_rows(Activity(), 1.0, {})))
    assert "no snapshot of the portfolio came" in text
    assert "first decision  none" in text


def test_heat_in_the_summary_is_the_highest_that_was_seen() -> None:
    activity = activity_of_samples()
    assert activity.state.portfolio is not None
    cooler = msgspec.structs.replace(activity.state.portfolio, heat=0.0004)
    assert isinstance(cooler, PortfolioMarked)
    activity.take(cooler, now=104.0)
    assert dict(summary_rows(activity, 5.0, {}))["heat"] == "0.04 % of 8 %, at most 0.16 %"


def test_a_run_that_only_waited_for_the_exchange_has_nothing_halted_in_its_summary() -> None:
    activity = Activity()
    awaited = {"trigger": "feed", "evidence": "not heard yet", "awaited": True}
    activity.take(Halted(**header("h"), **awaited), now=1.0)  # type: ignore[arg-type]
    rows = dict(summary_rows(activity, 1.0, {}))
    assert rows["waiting"].startswith("for the exchange")
    assert "halted" not in rows
