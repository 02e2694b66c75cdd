"""Where the books come from that rules look at: a model, nowhere, or a recording."""

from pathlib import Path

import pytest

from services.backtest.result import BookOrigin
from services.backtest.run import BacktestRun
from shared.adapters.books.files import HeardBook
from shared.adapters.books.recorder import BookRecorder
from shared.domain.liquidity import spread_at_size
from shared.domain.timeframes import HOUR_NS, MS_NS
from shared.messages.market import BookSampled
from shared.messages.orders import OrderDecided
from tests.backtest.random_market import START_MS, random_options, random_reader

pytestmark = pytest.mark.long

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "OLD/USDT", "MATIC/USDT", "POL/USDT")
SIZE_USDT = 25_000.0


def purchases(origin: BookOrigin, path: Path | None = None) -> tuple[BacktestRun, list[OrderDecided]]:
    run = BacktestRun(random_options(books=origin, books_path=path), random_reader(3))
    made = [message for messages in run.instants() for message in messages]
    return run, [each for each in made if isinstance(each, OrderDecided) and each.side == "buy"]


def units(orders: list[OrderDecided], rule: str) -> set[str]:
    """Of what a rule judged by; empty where it was open to all."""
    return {row.unit for order in orders for row in order.ceilings if row.rule == rule}


def recorded(folder: Path, spread: float) -> Path:
    """Books of every hour around the last close, with this spread at every size."""
    reader = random_reader(3)
    with BookRecorder(folder, "sim") as recorder:
        for symbol in PAIRS:
            columns = reader.columns[symbol.replace("/", "")]
            for open_ms, close in zip(columns.open_ms.tolist(), columns.close.tolist(), strict=True):
                if open_ms >= START_MS:
                    recorder.take(HeardBook(book=sampled(symbol, open_ms * MS_NS + HOUR_NS - MS_NS, close, spread)))
    return folder


def sampled(symbol: str, time_ns: int, price: float, spread: float) -> BookSampled:
    bids, asks = (((price * (1 + sign * spread / 2), 1e6 / price),) for sign in (-1, 1))
    found = spread_at_size(bids, asks, SIZE_USDT)
    return BookSampled(
        id=f"book-{symbol.replace('/', '')}-{time_ns}",
        time_ns=time_ns,
        symbol=symbol,
        bids=bids,
        asks=asks,
        size_usdt=SIZE_USDT,
        spread=found,
        median_spread=found,
    )


def test_a_modelled_book_is_judged_and_without_books_the_rule_is_open() -> None:
    modelled, judged = purchases("modelled")
    assert units(judged, "spread_at_size") == {"fraction"}
    none, unjudged = purchases("none")
    assert units(unjudged, "spread_at_size") == {""}
    assert modelled.result().setup.rules_off != none.result().setup.rules_off
    assert any(text.startswith("spread_at_size") for text in none.result().setup.rules_off)


@pytest.mark.parametrize(("spread", "approved"), [(0.0002, True), (0.0100, False)])
def test_recorded_books_decide_as_those_of_a_live_stack_would(tmp_path: Path, spread: float, approved: bool) -> None:
    run, orders = purchases("recorded", recorded(tmp_path, spread))
    assert len(orders) > 5
    assert any(order.quantity_approved for order in orders) == approved
    if not approved:
        assert {order.binding for order in orders} <= {"spread_at_size", "halted"}
    assert run.result().setup.digests.data != purchases("modelled")[0].result().setup.digests.data
