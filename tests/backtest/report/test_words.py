"""What page and terminal say in sentences."""

from decimal import Decimal

import msgspec
import pytest

from services.backtest.report.words import cents, fraction, minute, ratio, saved, span, title, verdict
from services.backtest.result import HaltSpan, Run
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
