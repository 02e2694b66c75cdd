"""What page and terminal say in sentences."""

from decimal import Decimal

import msgspec
import pytest

from services.backtest.report.words import cents, fraction, minute, ratio, saved, span, title, verdict
from services.backtest.result import HaltSpan, RuleTally, Run, Verdicts
from services.backtest.statistics import figures_of
from shared.domain.timeframes import HOUR_NS, MS_NS
from tests.backtest.believable import START_NS, made_run
from tests.backtest.odd_runs import flat, lost_all, no_instant


def run() -> Run:
    return made_run(days=40, trades=60, seed=4)


def halt(**changed: object) -> HaltSpan:
    plain = msgspec.structs.replace(made_run(days=40, trades=1, seed=1).halts[0], refused=3, kept_out=12_000.0)
    return msgspec.structs.replace(plain, **changed)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"saved": 420.0}, "$12,000 held back: it saved $420.00"),
        ({"saved": -1_234.5}, "$12,000 held back: it cost $1,234"),
        ({"saved": 0.0}, "$12,000 held back: it saved and cost nothing"),
        ({"kept_out": 0.0, "refused": 0}, "nothing was held back"),
        ({"kept_out": 0.0, "refused": 2}, "2 purchases refused"),
    ],
)
def test_a_halt_says_what_it_saved_or_cost(changed: dict[str, object], text: str) -> None:
    assert saved(halt(**changed)) == text


def test_the_title_is_what_became_of_the_money() -> None:
    assert title(flat(run()), figures_of(flat(run()))) == "$200,000 became $200,000: +0.00 %"
    assert span(run()) == "2021-01-01 to 2021-02-09"


def test_the_verdict_does_not_hide_that_money_was_lost() -> None:
    lost = lost_all(run())
    text = verdict(lost, figures_of(lost))
    assert "the strategies lost money" in text
    assert "the run made less" in text
    nothing = no_instant(run())
    assert "the strategies made nothing" in verdict(nothing, figures_of(nothing))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (
            {"reject": 387, "rules": (RuleTally(rule="price_collar", trimmed=0, rejected=387, kept_out=1e5),)},
            "every purchase was rejected, 387 in all, 387 times by the rule price_collar",
        ),
        ({"reject": 1}, "every purchase was rejected, 1 in all."),
        ({"approve": 1}, "no order that was approved was filled"),
        ({}, "strategies wanted positions, and none came to an order"),
    ],
)
def test_a_run_without_trades_says_why(changed: dict[str, object], text: str) -> None:
    none = Verdicts(approve=0, trim=0, reject=0, sells=0, asked=0.0, approved=0.0, rules=())
    idle = msgspec.structs.replace(
        flat(run()), trades=(), signals={"donchian": 3}, verdicts=msgspec.structs.replace(none, **changed)
    )
    assert f"Nothing was bought: {text}" in verdict(idle, figures_of(idle))


def test_a_run_without_signals_or_without_history_says_so() -> None:
    none = Verdicts(approve=0, trim=0, reject=0, sells=0, asked=0.0, approved=0.0, rules=())
    idle = msgspec.structs.replace(flat(run()), trades=(), signals={"donchian": 0}, verdicts=none)
    assert "no strategy wanted a position" in verdict(idle, figures_of(idle))
    pairs = tuple(msgspec.structs.replace(pair, tradable_ns=0) for pair in idle.coverage)
    young = msgspec.structs.replace(idle, signals={"donchian": 3}, coverage=pairs)
    assert "no pair had the days of history yet that a size needs" in verdict(young, figures_of(young))
    assert "Nothing was bought" not in verdict(run(), figures_of(run()))


def test_the_verdict_counts_the_hours_over_the_limit() -> None:
    plain = run()
    heat = [*plain.curve.heat[:-2], 0.0801, 0.09]
    over = msgspec.structs.replace(plain, curve=msgspec.structs.replace(plain.curve, heat=heat))
    assert "Heat was 9.00 % at most. It was over its limit in 2 hours." in verdict(over, figures_of(over))


def test_the_close_of_a_bar_is_told_by_the_full_minute() -> None:
    assert minute(START_NS + HOUR_NS - MS_NS) == "2021-01-01 01:00"
    assert minute(0) == "\N{EN DASH}"


def test_what_cannot_be_told_is_a_dash_and_never_a_number() -> None:
    assert [ratio(None), fraction(None), ratio(1_234.5), fraction(-0.00001)] == ["–", "–", "1,234.50", "0.00 %"]
    assert [cents(Decimal(text)) for text in ("-0.5", "1234", "-0.001")] == ["-$0.50", "$1,234.00", "$0.00"]
