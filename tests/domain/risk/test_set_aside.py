"""What a service could not handle: the gate halts what depends on it, by name, until an operator has looked."""

import pytest

from shared.domain.risk.set_aside import REMEMBERED, SET_ASIDE
from shared.messages.dead_letter import EntrySetAside
from shared.messages.halts import Halted, Resumed
from tests.domain.risk.breakers.halt_scenes import in_force, restart
from tests.domain.risk.commands.test_halts import resume
from tests.domain.risk.risk_harness import RiskHarness

ETH = "ETH/USDT"


def aside(harness: RiskHarness, number: int = 1, **changes: object) -> EntrySetAside:
    fields: dict[str, object] = {
        "id": f"aside-{number}", "time_ns": harness.now_ns, "cause": "bar-1", "service": "sizing", "portfolio": "main",
        "source": "hs:bars:1h", "entry": f"{number}-0", "message": "BarClosed", "symbol": ETH,
        "reason": "OverflowError: too much",
    }  # fmt: skip
    return EntrySetAside(**(fields | changes))  # type: ignore[arg-type]


def test_the_pair_that_an_entry_was_about_takes_no_new_risk_and_can_be_sold_until_an_operator_resumes() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy(ETH, "1"))
    [halted] = harness.handle(aside(harness))
    assert isinstance(halted, Halted)
    assert (halted.symbol, halted.trigger, halted.mode, halted.cleared_by) == (ETH, "set_aside", "reducing", "operator")
    assert halted.reason == "sizing could not handle BarClosed 1-0 of hs:bars:1h"
    assert halted.evidence == "OverflowError: too much"
    assert harness.buy(ETH, "1").binding == "halted"
    assert harness.buy("BTC/USDT", "0.1").verdict == "approve"
    assert harness.sell(ETH, "1").verdict == "approve"
    assert isinstance(resume(harness, ETH), Resumed)
    assert harness.buy(ETH, "1").verdict == "approve"


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": ""},
        {"symbol": "XXX/USDT"},
        {"source": "hs:{main}:orders:executed", "message": "OrderFilled", "service": "risk"},
        {"source": "time", "entry": "", "symbol": ""},
    ],
    ids=["no pair", "a pair of no universe, which nobody could resume", "a fill, by which all sums are wrong", "time"],
)
def test_the_portfolio_is_halted_when_more_than_a_pair_depends_on_the_entry(changes: dict[str, object]) -> None:
    harness = RiskHarness()
    harness.handle(aside(harness, **changes))
    assert in_force(harness) == [("", "set_aside", "reducing")]
    assert isinstance(resume(harness), Resumed)


def test_what_services_of_another_portfolio_set_aside_is_theirs_and_what_serves_all_is_everybodys() -> None:
    harness = RiskHarness()
    assert not harness.handle(aside(harness, portfolio="other"))
    assert harness.handle(aside(harness, portfolio="", service="signals"))


def test_an_entry_halts_once_however_often_it_is_told_and_over_a_restart() -> None:
    harness = RiskHarness()
    harness.handle(aside(harness))
    resume(harness, ETH)
    assert not harness.handle(aside(harness))
    restart(harness)
    assert not harness.handle(aside(harness))
    assert harness.handle(aside(harness, 2))


def test_a_halt_that_stands_is_told_of_again_with_the_next_entry() -> None:
    harness = RiskHarness()
    harness.handle(aside(harness))
    [halted] = harness.handle(aside(harness, 2, reason="KeyError: 'close'"))
    assert isinstance(halted, Halted)
    assert halted.evidence == "KeyError: 'close'"
    assert in_force(harness) == [(ETH, "set_aside", "reducing")]


def test_what_has_no_entry_fails_on_and_so_its_halt_comes_back_after_a_resume() -> None:
    harness = RiskHarness()
    lasting = aside(harness, source="time", entry="", symbol="")
    assert harness.handle(lasting)
    assert not harness.handle(lasting)
    resume(harness)
    assert harness.handle(lasting)


def test_it_remembers_a_bounded_number_of_entries_the_newest() -> None:
    harness = RiskHarness()
    for number in range(REMEMBERED + 5):
        harness.pass_time(1)
        harness.handle(aside(harness, number))
    assert harness.machine.records.count(SET_ASIDE) == REMEMBERED
    assert not harness.handle(aside(harness, REMEMBERED + 4))
