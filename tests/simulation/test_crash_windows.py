"""The days around the fall of FTX, as ``make crash-windows`` replays them: what holds whatever the figures are."""

from pathlib import Path

import pytest

from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided, OrderProposed
from shared.messages.portfolio import PortfolioMarked
from tests.simulation.crash_windows import ALL_OFF, ALL_ON, LIMITS, Window, market, outcome_of, replayed, table

FTX = Window("November 2022: FTX", "2022-11-06", 4)
LONGER = Window("November 2022, with the days before", "2022-11-01", 10.5)
Market = tuple[list[Message], list[list[BarClosed]]]


@pytest.fixture(scope="module")
def crash(data_dir: Path) -> Market:
    return market(data_dir, FTX)


@pytest.fixture(scope="module")
def jumping(crash: Market) -> list[Message]:
    return replayed(*crash, ALL_ON, jumping=True)


@pytest.fixture(scope="module")
def smooth(crash: Market) -> list[Message]:
    return replayed(*crash, ALL_ON, jumping=False)


def test_the_same_crash_fires_the_same_breakers_and_makes_the_same_decisions(
    crash: Market, jumping: list[Message]
) -> None:
    assert replayed(*crash, ALL_ON, jumping=True) == jumping


@pytest.mark.parametrize("name", ["smooth", "jumping"])
def test_no_approval_takes_heat_past_its_limit_in_a_crash(name: str, request: pytest.FixtureRequest) -> None:
    messages: list[Message] = request.getfixturevalue(name)
    approved = [
        each for each in messages if isinstance(each, OrderDecided) and each.side == "buy" and each.quantity_approved
    ]
    assert len(approved) > 20
    assert all(each.heat_after <= LIMITS.heat * (1 + 1e-9) for each in approved)
    for decided in approved:
        assert all(float(decided.quantity_approved) <= row.quantity * (1 + 1e-9) for row in decided.ceilings)


@pytest.mark.parametrize("name", ["smooth", "jumping"])
def test_the_tables_peak_of_heat_is_the_highest_that_was_ever_told(name: str, request: pytest.FixtureRequest) -> None:
    messages: list[Message] = request.getfixturevalue(name)
    outcome = outcome_of(messages)
    told = [each.heat - each.heat_stops_hit for each in messages if isinstance(each, PortfolioMarked)]
    told += [each.heat_after for each in messages if isinstance(each, OrderDecided)]
    assert outcome.heat_max == max(told) >= outcome.heat_approved_max > 0


def test_no_buy_passes_while_a_halt_is_over_it_and_sells_do(crash: Market) -> None:
    halts: set[tuple[str, str]] = set()
    held_back = sold_under_a_halt = 0
    for message in replayed(*crash, ALL_ON, jumping=True, client=True):
        match message:
            case Halted():
                halts.add((message.symbol, message.trigger))
            case Resumed():
                halts.discard((message.symbol, message.trigger))
            case OrderDecided():
                is_halted = any(scope in ("", message.symbol) for scope, _ in halts)
                if message.side == "buy":
                    assert (message.binding == "halted") == is_halted
                    held_back += is_halted
                else:
                    assert message.quantity_approved > 0
                    sold_under_a_halt += is_halted
    assert held_back > 0
    assert sold_under_a_halt > 0


def test_sizing_asks_for_nothing_under_a_halt_and_at_once_when_it_ends(data_dir: Path) -> None:
    """The bar that sets off a halt may lead to orders as well: they meet it on their way."""
    messages = replayed(*market(data_dir, LONGER), ALL_ON, jumping=True)
    halts: dict[tuple[str, str], Halted] = {}
    resumptions: set[str] = set()
    asked_at_the_end = 0
    for message in messages:
        match message:
            case Halted():
                halts[message.symbol, message.trigger] = message
            case Resumed():
                halts.pop((message.symbol, message.trigger), None)
                resumptions.add(message.id)
            case OrderProposed(side="buy"):
                over = [halt for (scope, _), halt in halts.items() if scope in ("", message.symbol)]
                assert all(halt.time_ns >= message.time_ns for halt in over)
                asked_at_the_end += message.cause in resumptions
    assert asked_at_the_end > 0
    refused = [each for each in messages if isinstance(each, OrderDecided) and each.verdict == "reject"]
    assert sum(each.binding == "halted" for each in refused) < asked_at_the_end
    assert len(refused) < len([each for each in messages if isinstance(each, OrderDecided)]) / 2


def test_every_stop_fills_below_its_price_and_the_loss_is_booked_at_the_fill(jumping: list[Message]) -> None:
    outcome = outcome_of(jumping)
    assert outcome.stopped
    assert all(each.loss_at_fill > each.loss_at_stop for each in outcome.stopped)
    gapped = [each for each in outcome.stopped if each.slipped > 0.01]
    assert gapped
    told = {halt.symbol for halt in outcome.halts if halt.trigger == "gap" and halt.evidence}
    assert {each.symbol for each in gapped} <= told
    snapshots = [each for each in jumping if isinstance(each, PortfolioMarked)]
    assert outcome.nav_end == snapshots[-1].nav


def test_a_market_that_jumps_costs_more_at_the_stops_than_one_that_walks(crash: Market) -> None:
    walks, jumps = (outcome_of(replayed(*crash, ALL_OFF, jumping=each)) for each in (False, True))
    assert not walks.halts
    assert not jumps.halts
    assert max(each.slipped for each in jumps.stopped) > max(each.slipped for each in walks.stopped)
    lines = list(table(FTX.title, len(crash[0]), 0, [walks, walks, jumps, jumps]))
    assert any("no breaker fired" in line for line in lines)
    assert lines[-1].startswith("  worst stop, jumping, no breakers: ")


@pytest.mark.parametrize("jumps", [False, True])
def test_several_stops_that_are_hit_in_one_instant_are_no_heat_of_the_market(data_dir: Path, jumps: bool) -> None:
    days = Window("May 2022, as Terra fell", "2022-05-04", 8)
    outcome = outcome_of(replayed(*market(data_dir, days), ALL_ON, jumping=jumps))
    assert len(outcome.stopped) > 5
    assert outcome.heat_max < 0.12  # 0.30 and 0.37 while positions under their stops counted until each fill was booked
