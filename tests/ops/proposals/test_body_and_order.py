"""From the bytes of a request to the order that is proposed: what may be written how, and what is refused by name."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ops.proposals.answers import RequestRefusedError
from services.ops.proposals.body import AMOUNTS, TEXTS, key_of, read_body
from services.ops.proposals.market import MarketOfTheMoment
from services.ops.proposals.order import Orders, id_of
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.application.proposing import Asked
from shared.domain.timeframes import SECOND_NS
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import OrderProposed
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from tests.examples import examples
from tests.keys import MAIN
from tests.samples import T0, D, samples
from tests.shipped import shipped_settings

SETTINGS = shipped_settings()
CLOCK = ManualClock(T0)
BUY: dict[str, Any] = {"id": "k-1", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1", "stop_price": "19500"}
SELL: dict[str, Any] = {"id": "k-1", "symbol": "BTCUSDT", "side": "sell", "quantity": "0.1"}


def sample(kind: type[Any]) -> Any:
    return next(each for each in samples() if isinstance(each, kind))


async def market() -> MemoryBus:
    """BTC at 20,000.5, on ticks of 0.01 and lots of 0.001; the samples' size and portfolio."""
    bus = MemoryBus(MAIN)
    listed = PairListed(
        id="listed", time_ns=T0, symbol="BTC/USDT", status="trading", price_step=D("0.01"), quantity_step=D("0.001")
    )
    await bus.publish([listed, sample(PositionSized), sample(PortfolioMarked)])
    await bus.set_marks([MarkChanged(id="mark", time_ns=T0, symbol="BTC/USDT", price=20_000.5)])
    return bus


async def asked(body: dict[str, Any] | bytes, client: str = "ana", bus: MemoryBus | None = None) -> Asked:
    read = read_body(body if isinstance(body, bytes) else json.dumps(body).encode())
    orders = Orders(SETTINGS, CLOCK, MarketOfTheMoment(bus or await market()))
    return await orders.completed(orders.written(read, client, key_of(read, "")), read)


async def order_of(body: dict[str, Any] | bytes) -> OrderProposed:
    return (await asked(body)).order


def without(body: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names} | more


async def test_an_order_is_what_was_written() -> None:
    order = await order_of(BUY | {"strategy": "breakout", "comment": "from a chart"})
    assert order.id == id_of("ana", "k-1")
    assert (order.symbol, order.side, order.quantity, order.stop_price) == ("BTC/USDT", "buy", D("0.1"), D(19_500))
    assert (order.order_type, order.strategy, order.time_ns) == ("market", "breakout", T0)
    assert (await order_of(BUY)).strategy == "ana"


@pytest.mark.parametrize("name", ["BINANCE:BTCUSDT", "binance:btcusdt", "BTCUSDT", "btc-usdt", "BTC/USDT", "btc"])
@pytest.mark.parametrize("field", ["symbol", "pair", "ticker"])
async def test_a_pair_may_be_written_as_people_and_tradingview_do(name: str, field: str) -> None:
    assert (await order_of(without(BUY, "symbol", **{field: name}))).symbol == "BTC/USDT"


async def test_an_amount_is_exact_whether_it_comes_as_a_number_or_as_text() -> None:
    body = b'{"id":"k","symbol":"BTCUSDT","action":"BUY","quantity":0.1000000000000000055,"stop":19500}'
    assert (await order_of(body)).quantity == D("0.1000000000000000055")


async def test_a_purchase_at_the_market_is_for_now_and_others_for_as_long_as_they_say() -> None:
    assert (await order_of(BUY)).expires_ns == T0 + 60 * SECOND_NS
    assert (await order_of(BUY | {"expires_seconds": 5})).expires_ns == T0 + 5 * SECOND_NS
    limit = await order_of(BUY | {"limit_price": "20000"})
    assert (limit.order_type, limit.limit_price, limit.expires_ns) == ("limit", D(20_000), 0)
    assert (await order_of(SELL)).expires_ns == 0


async def test_an_amount_of_usdt_is_as_many_whole_lots_as_it_pays_for() -> None:
    assert (await order_of(without(BUY, "quantity", usdt=1000))).quantity == D("0.049")
    assert (await order_of(without(BUY, "quantity", usdt=1000, limit_price=10_000))).quantity == D("0.1")


async def test_a_stop_in_percent_is_so_far_below_the_price_on_a_tick() -> None:
    assert (await order_of(without(BUY, "stop_price", stop_percent="2.5"))).stop_price == D("19500.48")


async def test_a_size_by_the_plan_is_the_full_position_of_sizing_or_a_part_of_it_with_its_stop() -> None:
    sized = sample(PositionSized)
    full = await order_of(without(BUY, "quantity", "stop_price", size="full"))
    assert (full.quantity, full.stop_price) == (sized.quantity, D(repr(sized.stop_price)))
    half = await order_of(without(BUY, "quantity", size=0.5))
    assert half.quantity == (sized.quantity / 2).quantize(D("0.001"), "ROUND_DOWN")
    assert half.stop_price == D(19_500)


async def test_a_sell_of_the_full_size_is_all_that_is_held_and_no_stop_is_looked_at() -> None:
    [held] = [row for row in sample(PortfolioMarked).positions if row.symbol == "BTC/USDT"]
    order = await order_of(without(SELL, "quantity", size="full", stop_price="1"))
    assert (order.quantity, order.stop_price) == (held.quantity, None)


async def test_the_intent_tells_a_sell_that_closes_from_a_short() -> None:
    for intent in ("open", "long"):
        assert (await order_of(BUY | {"intent": intent})).side == "buy"
    for intent in ("close", "flat", "long", "short"):
        assert (await order_of(SELL | {"intent": intent})).side == "sell"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (without(BUY, "symbol"), "symbol"),
        (without(BUY, "side"), "side"),
        (without(BUY, "quantity"), "quantity"),
        (without(BUY, "stop_price"), "stop_price"),
        (without(BUY, "id"), "id"),
        (BUY | {"side": "hold"}, "side"),
        (BUY | {"symbol": "KRAKEN:BTCUSDT"}, "symbol"),
        (BUY | {"symbol": "BINANCE:BTCUSDT.P"}, "symbol"),
        (BUY | {"symbol": "NOPEUSDT"}, "symbol"),
        (BUY | {"quantity": "-1"}, "quantity"),
        (BUY | {"quantity": 0}, "quantity"),
        (BUY | {"quantity": "1e3"}, "quantity"),
        (BUY | {"quantity": "NaN"}, "quantity"),
        (BUY | {"quantity": True}, "quantity"),
        (BUY | {"quantity": [1]}, "quantity"),
        (BUY | {"quantity": 1e30}, "quantity"),
        (BUY | {"usdt": 5}, "usdt"),
        (BUY | {"size": "full"}, "size"),
        (without(BUY, "quantity", size="1.5"), "size"),
        (without(BUY, "quantity", size="half"), "size"),
        (without(BUY, "quantity", usdt="0.01"), "usdt"),
        (BUY | {"stop_percent": 3}, "stop_percent"),
        (without(BUY, "stop_price", stop_percent=100), "stop_percent"),
        (BUY | {"intent": "flat"}, "intent"),
        (BUY | {"intent": "short"}, "intent"),
        (SELL | {"intent": "open"}, "intent"),
        (BUY | {"intent": "maybe"}, "intent"),
        (BUY | {"strategy": "x" * 65}, "strategy"),
        (BUY | {"expires_seconds": 1e9}, "expires_seconds"),
        (BUY | {"id": "x" * 201}, "id"),
        (BUY | {"id": "a\nb"}, "id"),
        (BUY | {"id": "long-{{timenow}}"}, "id"),
        (BUY | {"stopprice": 1}, "stopprice"),
        (BUY | {"pair": "ETHUSDT"}, "pair"),
        (without(SELL, "quantity", symbol="ETHUSDT", size="full"), "size"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_by_field_with_a_remedy(body: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        await asked(body)
    error = caught.value
    assert (error.status in (400, 422), error.field) == (True, field)
    assert error.reason
    assert error.remedy.endswith((".", "?", "}}"))


async def test_what_only_the_market_can_say_is_missing_by_name_and_nothing_is_made_up() -> None:
    for body in (
        without(BUY, "quantity", usdt=5),
        without(BUY, "stop_price", stop_percent=3),
        without(BUY, "quantity", size="full"),
        without(SELL, "quantity", size="full"),
    ):
        with pytest.raises(RequestRefusedError) as caught:
            await asked(body, bus=MemoryBus(MAIN))
        assert (caught.value.status, caught.value.code) == (503, "missing")


@pytest.mark.parametrize(
    "body",
    [b"", b"buy BTC", b"[]", b"null", b"1", b'{"id":1', b'{"id":NaN}', b'{"a":1,"a":2}', b"\xff", b"[" * 9000,
     b'{"quantity":' + b"9" * 9000 + b"}", b'{"quantity":1e999999999999999999999}'],
)  # fmt: skip
def test_bytes_that_are_no_order_are_refused_in_a_sentence(body: bytes) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        read_body(body).amount("quantity")
    assert caught.value.status in (400, 422)
    assert len(caught.value.reason) < 400


def test_a_token_is_never_shown_in_a_refusal() -> None:
    for body in (b'{"token": ["secret-secret"]}', b'{"token": "secret-{{secret}}"}'):
        with pytest.raises(RequestRefusedError) as caught:
            read_body(body)
        assert "secret-" not in str(vars(caught.value))


async def test_the_same_order_has_the_same_trace_and_another_order_another_one() -> None:
    first = await asked(BUY)
    same = [BUY | {"quantity": 0.1}, BUY | {"quantity": "0.10"}, BUY | {"symbol": "BINANCE:BTCUSDT"},
            BUY | {"token": "other", "comment": "other"}]  # fmt: skip
    assert {(await asked(body)).order.trace for body in same} == {first.order.trace}
    others = [BUY | {"quantity": "0.2"}, BUY | {"stop_price": "19000"}, BUY | {"strategy": "b"}, BUY | {"id": "k-2"},
              BUY | {"limit_price": "20000"}, without(BUY, "quantity", usdt=2000.05), BUY | {"symbol": "ETHUSDT"},
              BUY | {"side": "sell"}, BUY | {"expires_seconds": 5}, BUY | {"intent": "open"}]  # fmt: skip
    traces = [(await asked(body)).order.trace for body in others]
    assert len({first.order.trace, *traces}) == 1 + len(others)
    assert (await asked(BUY, "bob")).order.id != first.order.id


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WRITTEN = st.dictionaries(st.sampled_from([*TEXTS, *AMOUNTS, "pair", "action", "stop"]) | st.text(max_size=8), ANY)


@given(WRITTEN | st.binary(max_size=200), st.sampled_from([BUY, SELL, {}]))
@examples(300)
def test_whatever_is_sent_is_an_order_or_is_refused_by_name(sent: dict[str, Any] | bytes, over: dict[str, Any]) -> None:
    body = sent if isinstance(sent, bytes) else json.dumps(over | sent).encode()

    async def tried() -> Asked | None:
        try:
            return await asked(body)
        except RequestRefusedError as error:
            assert error.response.status in (400, 422, 503)
            return None

    found = asyncio.run(tried())
    assert found is None or (found.order.quantity > 0 and found.order.side in ("buy", "sell"))
