"""What holds at every instant of every backtest, over markets that are made up: books, stops, prices, costs."""

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from services.backtest.backtest import digest_of
from services.backtest.result import Fill, Run
from services.backtest.run import BacktestRun
from shared.domain.portfolio.ledger import Position
from shared.domain.timeframes import MS_NS
from tests.backtest.random_market import RandomReader, random_options, random_reader
from tests.examples import examples

pytestmark = pytest.mark.long

D = Decimal
MARKETS = st.sampled_from(["smooth", "jumping"])
FILLS = st.sampled_from(["close", "next_open"])
SEEDS = st.integers(0, 10_000)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # a seed has no smaller one
WILDNESS = st.sampled_from([0.5, 1.0, 2.5])


def started(seed: int, wildness: float = 1.0, **changes: object) -> tuple[BacktestRun, RandomReader]:
    reader = random_reader(seed, wildness=wildness)
    return BacktestRun(random_options(**changes), reader), reader


def played(seed: int, wildness: float = 1.0, **changes: object) -> Run:
    return started(seed, wildness, **changes)[0].play()


@settings(examples(10), phases=PHASES)
@given(SEEDS, WILDNESS, MARKETS, FILLS)
def test_nav_is_cash_and_positions_at_every_instant_and_every_position_has_a_stop(
    seed: int, wildness: float, market: str, fill: str
) -> None:
    run, _ = started(seed, wildness, market=market, fill=fill)
    held_once = False
    for _ in run.instants():
        state, fills = run.risk.state, run.recorder.fills.fills
        assert state.ledger.account.cash == cash_after(fills)
        positions = state.ledger.positions()
        held_once = held_once or bool(positions)
        assert all(position.stop is not None and position.stop > 0 for position in positions)
        worth = sum(float(each.quantity) * mark_of(run, each) for each in positions)
        assert state.nav == pytest.approx(float(state.ledger.account.cash) + worth, rel=1e-12)
    assume(held_once)


@settings(examples(10), phases=PHASES)
@given(SEEDS, WILDNESS, MARKETS, FILLS)
def test_no_fill_is_outside_its_bar_but_for_spread_and_slippage(
    seed: int, wildness: float, market: str, fill: str
) -> None:
    run, reader = started(seed, wildness, market=market, fill=fill)
    fills = run.play().fills
    assume(fills)
    for each in fills:
        low, high = range_at(reader, each)
        assert low * (1 - 1e-9) <= float(each.reference) <= high * (1 + 1e-9), each
        sign = 1 if each.side == "buy" else -1
        assert min(each.spread, each.slippage, each.fee) >= 0
        paid = sign * (each.price - each.reference) * each.quantity
        assert paid == each.spread + each.slippage
        if each.stop is not None:
            assert float(each.reference) <= float(each.stop) * (1 + 1e-9)


@settings(examples(10), phases=PHASES)
@given(SEEDS, WILDNESS, MARKETS, FILLS)
def test_what_the_pairs_made_is_what_nav_changed_by_and_costs_reconcile_to_the_cent(
    seed: int, wildness: float, market: str, fill: str
) -> None:
    run = played(seed, wildness, market=market, fill=fill)
    made = sum((trade.net for trade in run.trades), D(0))
    assert float(made) == pytest.approx(run.curve.nav[-1] - run.starting_nav, abs=0.01)
    for name, per_fill in (("fees", "fee"), ("spread", "spread"), ("slippage", "slippage")):
        by_trade = sum((getattr(trade, name) for trade in run.trades), D(0))
        by_fill = sum((getattr(each, per_fill) for each in run.fills), D(0))
        assert abs(by_trade - by_fill) < D("0.01")
    for trade in run.trades:
        assert trade.net == trade.gross - trade.fees - trade.spread - trade.slippage
        assert (trade.exit_reason == "end") == trade.open
    assert sum(trade.fills for trade in run.trades) == len(run.fills)


@settings(examples(5), phases=PHASES)
@given(SEEDS, MARKETS, FILLS)
def test_the_same_data_configuration_and_code_give_the_same_bytes(seed: int, market: str, fill: str) -> None:
    first, again = played(seed, market=market, fill=fill), played(seed, market=market, fill=fill)
    assert digest_of(first) == digest_of(again)
    assert first == again
    other = played(seed + 1, market=market, fill=fill)
    assert other.setup.digests.data != first.setup.digests.data
    assert other.setup.digests.config == first.setup.digests.config
    assert digest_of(other) != digest_of(first)


def test_a_pair_that_ends_is_sold_at_its_last_price_and_one_that_begins_is_traded_from_then_on() -> None:
    runs = [played(seed) for seed in range(8)]
    by_symbol = defaultdict(list)
    for run in runs:
        for trade in run.trades:
            by_symbol[trade.symbol].append(trade)
        [ended] = [each for each in run.coverage if each.ended]
        assert ended.symbol == "OLD/USDT"
        assert all(not trade.open for trade in run.trades if trade.symbol == "OLD/USDT")
        [begun] = [each for each in run.coverage if each.symbol == "NEW/USDT"]
        assert (begun.listed, begun.tradable_ns) == (False, 0)  # no size without 60 days of history
    assert any(trade.exit_reason == "delisted" for trade in by_symbol["OLD/USDT"])
    assert not by_symbol["NEW/USDT"]


def test_a_position_goes_on_through_a_rename_in_the_new_units() -> None:
    through = []
    for seed in range(8):
        run = played(seed)
        cutover_ns = int(run.start_ns + 2 * 86_400e9)
        through += [
            trade
            for trade in run.trades
            if trade.symbol == "POL/USDT" and trade.opened_ns < cutover_ns < trade.closed_ns
        ]
        assert {name for each in run.coverage if each.symbol == "POL/USDT" for name in each.names} == {
            "POL/USDT",
            "MATIC/USDT",
        }
    assert through
    for trade in through:  # without the ratio a position would have lost half, or doubled
        assert abs(float(trade.exit / trade.entry) - 1.0) < 0.4


def cash_after(fills: list[Fill]) -> Decimal:
    cash = D(200_000)
    for each in fills:
        worth = each.quantity * each.price
        cash += (-worth if each.side == "buy" else worth) - each.fee
    return cash


def mark_of(run: BacktestRun, position: Position) -> float:
    pair = run.risk.state.heat.pair(position.symbol)
    assert pair is not None
    return pair.mark


def range_at(reader: RandomReader, fill: Fill) -> tuple[float, float]:
    """Least and highest price of the bar that a fill is in."""
    columns = reader.columns[fill.symbol.replace("/", "")]
    place = int(columns.open_ms.searchsorted(fill.time_ns // MS_NS, side="right")) - 1
    return float(columns.low[place]), float(columns.high[place])
