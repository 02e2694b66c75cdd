"""The days around the fall of FTX, as ``make crash-windows`` replays them: what holds whatever the figures are."""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from services.backtest.backtest import digest_of
from services.backtest.result import MarketKind, Run
from services.backtest.run import BacktestRun
from shared.domain.numbers import round_down, round_up
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.orders import OrderDecided, OrderProposed
from tests.simulation.crash_windows import ALL_OFF, ALL_ON, Window, replayed, slipped, started, stop_fills, table
from tests.tables import sampled

pytestmark = pytest.mark.long

FTX = Window("November 2022: FTX", "2022-11-06", 4)
LONGER = Window("November 2022, with the days before", "2022-11-01", 10)
MARKETS = get_args(MarketKind)


class Played(NamedTuple):
    """A run, and everything that the machines gave out in it."""

    run: Run
    messages: list[Message]


def played(run: BacktestRun) -> Played:
    messages = [message for instant in run.instants() for message in instant]
    return Played(run.result(), messages)


@pytest.fixture(scope="module")
def jumping(data_dir: Path) -> Played:
    return played(started(data_dir, FTX, ALL_ON, "jumping"))


@pytest.fixture(params=sampled(MARKETS, every=2, since=1))
def crash(request: pytest.FixtureRequest, data_dir: Path, jumping: Played) -> Played:
    return jumping if request.param == "jumping" else played(started(data_dir, FTX, ALL_ON, request.param))


@pytest.mark.wide
def test_the_same_crash_fires_the_same_breakers_and_makes_the_same_decisions(data_dir: Path, jumping: Played) -> None:
    again = played(started(data_dir, FTX, ALL_ON, "jumping"))
    assert again.messages == jumping.messages
    assert digest_of(again.run) == digest_of(jumping.run)


def test_no_approval_takes_heat_past_its_limit_in_a_crash(crash: Played) -> None:
    decisions = [each for each in crash.messages if isinstance(each, OrderDecided)]
    approved = [each for each in decisions if each.side == "buy" and each.quantity_approved]
    assert len(approved) > 20
    assert all(each.heat_after <= 0.08 * (1 + 1e-9) for each in approved)
    for decided in approved:
        assert all(float(decided.quantity_approved) <= row.quantity * (1 + 1e-9) for row in decided.ceilings)


def test_no_buy_passes_while_a_halt_is_over_it_and_sells_do(data_dir: Path) -> None:
    run = started(data_dir, FTX, ALL_ON, "jumping")
    halts: set[tuple[str, str]] = set()
    held_back = sold_under_a_halt = 0
    for instant in run.instants():
        for message in [*instant, *run.host.feed(asked_for(run))]:
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


def asked_for(run: BacktestRun) -> list[OrderProposed]:
    """Somebody beside the strategies, deaf to halts, asks for 20 USDT of every pair every hour."""
    listed = [each for each in run.risk.state.listings.values() if each.status == "trading"]
    marks = {pair.symbol: Decimal(pair.mark) for pair in run.risk.state.heat.pairs.values() if pair.mark}
    return [
        OrderProposed(
            id=f"client-{each.symbol.replace('/', '')}-{run.last_ns // 1_000_000}", time_ns=run.last_ns,
            symbol=each.symbol, side="buy", strategy="client",
            quantity=round_up(Decimal(20) / marks[each.symbol], each.quantity_step),
            stop_price=round_down(marks[each.symbol] * Decimal("0.9"), each.price_step),
        )
        for each in listed
        if each.symbol in marks
    ]  # fmt: skip


def test_sizing_asks_for_nothing_under_a_halt_and_at_once_when_it_ends(data_dir: Path) -> None:
    """The bar that sets off a halt may lead to orders as well: they meet it on their way."""
    messages = played(started(data_dir, LONGER, ALL_ON, "jumping")).messages
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


def test_every_stop_fills_below_its_price_and_a_gap_is_told_by_its_breaker(jumping: Played) -> None:
    run = jumping.run
    stopped = stop_fills(run)
    assert stopped
    assert all(slipped(each) > 0 for each in stopped)
    gapped = [each for each in stopped if slipped(each) > 0.01]
    assert gapped
    told = {halt.symbol for halt in run.halts if halt.trigger == "gap" and halt.evidence}
    assert {each.symbol for each in gapped} <= told


def test_a_market_that_jumps_costs_more_at_the_stops_than_one_that_walks(data_dir: Path) -> None:
    walks, jumps = (replayed(data_dir, FTX, ALL_OFF, market) for market in MARKETS)
    assert not walks.halts
    assert not jumps.halts
    assert max(map(slipped, stop_fills(jumps))) > max(map(slipped, stop_fills(walks)))
    lines = list(table(FTX.title, [walks, walks, jumps, jumps]))
    assert any("no breaker fired" in line for line in lines)
    assert lines[-1].startswith("  worst stop, jumping, no breakers: ")


@pytest.mark.parametrize("market", sampled(MARKETS, every=2, since=1))
def test_several_stops_that_are_hit_in_one_instant_are_no_heat_of_the_market(
    data_dir: Path, market: MarketKind
) -> None:
    run = replayed(data_dir, Window("May 2022, as Terra fell", "2022-05-04", 8), ALL_ON, market)
    assert len(stop_fills(run)) > 5
    assert max(run.curve.heat) < 0.12  # 0.30 and 0.37 while positions under their stops counted until each fill
