"""Whatever stands in a row, it is read as something that can be, or refused, and no other pair's row is."""

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange_sim.filters import symbol_info
from services.exchange_sim.market.source import Instrument
from services.market_data.bars import closed_bar
from services.market_data.pairs import resolve
from shared.adapters.binance.client import BinanceClient
from shared.adapters.binance.exchange import _read_each, open_exchange
from shared.adapters.binance.frames import (
    ROW_SHOWN,
    MalformedError,
    best_price,
    kline_frame,
    kline_row,
    listed_pair,
    order_book,
    with_row,
)
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import decode, encode
from shared.domain.universe import Pair, Universe
from shared.messages.base import ESTIMATE_BELOW
from shared.ports.exchange import BOOK, BestPrice, Stream
from tests.adapters.binance.test_frames import KLINE
from tests.examples import examples

REST_KLINE = [
    1667260800000, "20490.10", "20530.00", "20480.00", "20512.50", "1200.5", 1667264399999, "24600000.1", 4321, "600",
    "12300000", "0",
]  # fmt: skip
TICKER = {"symbol": "BTCUSDT", "bidPrice": "1.0", "bidQty": "1", "askPrice": "1.1", "askQty": "1"}
DEPTH = {"lastUpdateId": 1, "bids": [["1.0", "5"], ["0.9", "5"]], "asks": [["1.1", "5"], ["1.2", "5"]]}
UNIVERSE = Universe(pairs=(Pair(base="BTC", quote="USDT", sector="Majors"),))
NUMBERS = ["", "0", "-1", "NaN", "Infinity", "1e999", "1e30", "1E-30", "0x1", " 1 ", "999999999", "\u0661"]
ANYTHING: Any = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=4),
        st.sampled_from(NUMBERS),
    ),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(st.text(max_size=3), inside, max_size=3)),
    max_leaves=5,
)


def instrument() -> Instrument:
    return Instrument(
        symbol="BTCUSDT", base="BTC", quote="USDT", price_places=2, quantity_places=5, min_notional_usdt=5.0,
        daily_volume_usdt=1e9, first_ms=0, end_ms=None,
    )  # fmt: skip


def places(row: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a row, as the way to it."""
    inside = row.items() if isinstance(row, dict) else enumerate(row) if isinstance(row, list) else ()
    return [path, *[place for key, value in inside for place in places(value, (*path, key))]]


@st.composite
def changed(draw: Any, row: Any) -> Any:
    """The row with something else, or nothing, in one to three places."""
    for _ in range(draw(st.integers(1, 3))):
        row = json.loads(json.dumps(row))
        way = draw(st.sampled_from(places(row)))
        if not way:
            row = draw(ANYTHING)
            continue
        inside = row
        for key in way[:-1]:
            inside = inside[key]
        if draw(st.booleans()):
            inside[way[-1]] = draw(ANYTHING)
        else:
            del inside[way[-1]]
    return row


@examples(400)
@given(changed(KLINE))
def test_a_kline_of_a_stream_is_a_bar_that_can_be_sent_or_is_refused(message: Any) -> None:
    if not isinstance(message, dict):
        return
    try:
        frame = kline_frame(message, "BTC/USDT")
    except MalformedError:
        return
    assert 0 < frame.kline.low <= frame.kline.high < math.inf
    bar = closed_bar(frame.kline, backfilled=False)
    assert decode(encode(bar)) == bar


@examples(400)
@given(changed(REST_KLINE))
def test_a_kline_of_rest_is_a_bar_that_can_be_sent_or_is_refused(row: Any) -> None:
    try:
        kline = kline_row(row, "BTC/USDT", "1h")
    except MalformedError:
        return
    bar = closed_bar(kline, backfilled=True)
    assert decode(encode(bar)) == bar


@examples(400)
@given(changed(TICKER))
def test_a_best_price_is_above_zero_with_its_bid_below_its_ask_or_is_refused(row: Any) -> None:
    try:
        price = best_price(row, "BTC/USDT", bid="bidPrice", ask="askPrice", seen_steady_ns=1)
    except MalformedError:
        return
    assert price is None or 0 < price.bid <= price.ask < ESTIMATE_BELOW


@examples(400)
@given(changed(DEPTH))
def test_an_order_book_has_its_levels_in_order_or_is_refused(body: Any) -> None:
    try:
        book = order_book(body, "BTC/USDT")
    except MalformedError:
        return
    assert sorted(book.bids, reverse=True) == list(book.bids)
    assert sorted(book.asks) == list(book.asks)
    assert not (book.bids and book.asks) or book.bids[0][0] <= book.asks[0][0]
    levels = (*book.bids, *book.asks)
    assert all(0 < price < ESTIMATE_BELOW and 0 <= quantity < ESTIMATE_BELOW for price, quantity in levels)


def test_a_price_or_quantity_that_no_message_can_hold_is_refused() -> None:
    with pytest.raises(MalformedError, match="askPrice is '1e30'"):
        best_price({**TICKER, "askPrice": "1e30"}, "BTC/USDT", bid="bidPrice", ask="askPrice", seen_steady_ns=1)
    for level in (["1e30", "5"], ["1.3", "1e30"]):
        with pytest.raises(MalformedError, match="'1e30'"):
            order_book({**DEPTH, "asks": [*DEPTH["asks"], level]}, "BTC/USDT")


@examples(400)
@given(changed(symbol_info(instrument(), "TRADING", 20_000.0)))
def test_a_symbol_is_a_listing_that_can_be_sent_or_is_refused(row: Any) -> None:
    if not isinstance(row, dict):
        return
    try:
        pair = listed_pair(row)
    except MalformedError:
        return
    assert pair.symbol == "BTC/USDT"
    for message in resolve(UNIVERSE, {pair.symbol: pair}, {}, 1):
        assert decode(encode(message)) == message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("minNotional", ""),
        ("minQty", None),
        ("maxQty", "NaN"),
        ("stepSize", "-1"),
        ("tickSize", "1e99"),
        ("minQty", "-1"),
        ("maxQty", "9000.0000000000000000000000000001"),
    ],
)
def test_a_symbol_whose_filter_cannot_be_is_refused(field: str, value: object) -> None:
    row = symbol_info(instrument(), "TRADING", 20_000.0)
    for one in row["filters"]:
        if field in one and one["filterType"] != "MARKET_LOT_SIZE":
            one[field] = value
    with pytest.raises(MalformedError):
        listed_pair(row)


# --- answers over many pairs ------------------------------------------------------------------------------------------


def reader(row: Any, symbol: str) -> BestPrice | None:
    return best_price(row, symbol, bid="bidPrice", ask="askPrice", seen_steady_ns=1)


@examples(200)
@given(changed(TICKER))
def test_whatever_the_row_of_one_pair_is_the_other_is_read(odd: Any) -> None:
    eth = {**TICKER, "symbol": "ETHUSDT"}
    found, refused = _read_each([odd, eth], {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}, reader)
    assert "ETH/USDT" in [price.symbol for price in found if price is not None]
    assert set(refused) <= {"BTC/USDT"}


def test_a_pair_whose_row_may_be_the_nameless_one_is_odd_and_not_gone() -> None:
    found, refused = _read_each(["x", TICKER], {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}, reader)
    assert [price.symbol for price in found if price is not None] == ["BTC/USDT"]
    assert refused == {"ETH/USDT": "a row without a symbol; the row: 'x'"}


def test_what_is_wrong_is_said_with_the_field_and_the_row() -> None:
    _, refused = _read_each([{**TICKER, "bidPrice": ""}], {"BTCUSDT": "BTC/USDT"}, reader)
    assert refused["BTC/USDT"].startswith("field bidPrice is '', no number; the row: {'symbol': 'BTCUSDT'")
    assert len(with_row(MalformedError("x"), "y" * 10_000)) < ROW_SHOWN + 50


# --- frames of a socket -----------------------------------------------------------------------------------------------


def client() -> BinanceClient:
    made: BinanceClient = open_exchange("http://127.0.0.1:9", ManualClock(10**18), weight_per_minute=6000)._client
    made.watched["BTCUSDT"] = "BTC/USDT"
    return made


SOCKET = SimpleNamespace(url="ws://127.0.0.1:9/0", subscriptions={}, resolve=lambda *_: None)
TICK = {"u": 1, "s": "BTCUSDT", "b": "1.0", "B": "1", "a": "1.1", "A": "1"}


@examples(300)
@given(
    st.sampled_from(["btcusdt@kline_1h", "btcusdt@bookTicker"]).flatmap(
        lambda name: st.tuples(st.just(name), changed(TICK if "book" in name else KLINE))
    ),
    st.booleans(),
)
async def test_no_frame_whatever_it_holds_raises(frame: tuple[str, Any], wrapped: bool) -> None:
    """An exception in a handler would end the receive loop without a word."""
    name, body = frame
    there = client()
    if isinstance(body, dict) and "id" in body:
        return  # a reply, which is ccxt's
    there.handle_message(SOCKET, {"stream": name, "data": body} if wrapped else body)
    batch = await there.inbox.take(0.001)
    if wrapped and not (batch.prices or batch.closed or batch.forming):
        assert batch.odd or isinstance(body, dict)


@pytest.mark.parametrize(
    ("message", "stream"),
    [
        ({**TICK, "b": "2.0"}, Stream("BTC/USDT", BOOK)),
        ({"u": 1, "s": "BTCUSDT", "b": "1.0"}, Stream("BTC/USDT", BOOK)),
        ({"stream": "btcusdt@bookTicker", "data": "x"}, Stream("BTC/USDT", BOOK)),
        ({"stream": "btcusdt@kline_1h", "data": ["x"]}, Stream("BTC/USDT", "1h")),
        ({**KLINE, "k": "x"}, Stream("BTC/USDT", "")),
        ({**KLINE, "k": {**KLINE["k"], "c": "0"}}, Stream("BTC/USDT", "1h")),
        ({**KLINE, "k": {**KLINE["k"], "T": "1667264399999", "E": 1}}, None),
    ],
)
async def test_a_frame_that_cannot_be_names_its_stream(message: Any, stream: Stream | None) -> None:
    there = client()
    there.handle_message(SOCKET, message)
    batch = await there.inbox.take(0.01)
    assert list(batch.odd) == ([stream] if stream else [])
    assert all("the row: " in reason for reason in batch.odd.values())


async def test_a_price_from_before_an_odd_row_is_not_the_newest() -> None:
    there = client()
    there.handle_message(SOCKET, TICK)
    there.handle_message(SOCKET, {**TICK, "b": "2.0"})
    batch = await there.inbox.take(0.01)
    assert (list(batch.prices), list(batch.odd)) == ([], [Stream("BTC/USDT", BOOK)])
