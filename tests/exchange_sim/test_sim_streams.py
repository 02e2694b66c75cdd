"""Streams: subscriptions, and frames that come when and as they should."""

import json

import aiohttp
import pytest

from services.exchange_sim.streams import MESSAGES_A_SECOND, MOST_STREAMS, PING_SECONDS, PONG_SECONDS
from tests.exchange_sim.sim_stage import HOUR_MS, MINUTE_MS, START_MS, Ear, stage
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.sockets


async def test_raw_and_combined_connections_get_the_same_payload() -> None:
    async with stage() as sim:
        stream = "btcusdt@bookTicker"
        async with (
            sim.http.ws_connect(f"{sim.url}/ws/{stream}") as raw,
            sim.http.ws_connect(f"{sim.url}/stream?streams={stream}/ethusdt@bookTicker") as combined,
        ):
            sim.pass_time(1_000)
            payload = await Ear(raw).next()
            wrapped = await Ear(combined).next()
            assert payload["s"] == "BTCUSDT"
            assert wrapped == {"stream": stream, "data": payload}


@pytest.mark.parametrize("path", ["/ws", "/stream", "/stream/ws", "/stream/ws/0"])
async def test_streams_are_subscribed_listed_and_left_on_an_open_connection(path: str) -> None:
    async with stage() as sim, sim.http.ws_connect(f"{sim.url}{path}") as socket:
        ear = Ear(socket)

        async def ask(method: str, *params: str, number: int | str | None = 1) -> dict[str, object]:
            await socket.send_json({"method": method, "params": params, "id": number})
            return await ear.next()

        streams = ["btcusdt@kline_1m", "ethusdt@kline_1h"]
        assert await ask("SUBSCRIBE", *streams, number="a-uuid") == {"result": None, "id": "a-uuid"}
        assert await ask("LIST_SUBSCRIPTIONS", number=2) == {"result": streams, "id": 2}
        assert await ask("UNSUBSCRIBE", streams[0], number=None) == {"result": None, "id": None}
        assert await ask("LIST_SUBSCRIPTIONS") == {"result": streams[1:], "id": 1}
        sim.pass_time(2 * MINUTE_MS)
        frames = await ear.heard() if path != "/ws" else [{"data": await ear.next()}]
        assert {frame["data"]["k"]["i"] for frame in frames} == {"1h"}


async def test_wrapping_can_be_switched_on_an_open_connection() -> None:
    async with stage() as sim, sim.http.ws_connect(f"{sim.url}/ws/btcusdt@bookTicker") as socket:
        ear = Ear(socket)
        await socket.send_json({"method": "SET_PROPERTY", "params": ["combined", True], "id": 1})
        assert await ear.next() == {"result": None, "id": 1}
        await socket.send_json({"method": "GET_PROPERTY", "params": ["combined"], "id": 2})
        assert await ear.next() == {"result": True, "id": 2}
        sim.pass_time(1_000)
        assert (await ear.next())["stream"] == "btcusdt@bookTicker"


async def test_requests_that_make_no_sense_are_refused_with_a_reason() -> None:
    async with stage() as sim, sim.http.ws_connect(f"{sim.url}/ws") as socket:
        ear = Ear(socket)
        for text in (
            "{no json",
            '{"method":"DANCE","id":1}',
            '{"method":"SUBSCRIBE","params":[],"id":1}',
            '{"method":"SET_PROPERTY","params":["colour",true],"id":1}',
        ):
            await socket.send_str(text)
            assert "error" in await ear.next()
        too_many = [f"coin{number}usdt@bookTicker" for number in range(MOST_STREAMS + 1)]
        await socket.send_json({"method": "SUBSCRIBE", "params": too_many, "id": 4})
        assert str(MOST_STREAMS) in (await ear.next())["error"]["msg"]


async def test_a_client_that_sends_too_fast_is_cut_off() -> None:
    async with stage() as sim, sim.http.ws_connect(f"{sim.url}/ws") as socket:
        for number in range(MESSAGES_A_SECOND + 1):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        kinds = [(await socket.receive(timeout=PATIENCE_SECONDS)).type for _ in range(MESSAGES_A_SECOND + 1)]
        assert kinds[-1] in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_no_closed_bar_is_skipped_when_one_look_at_the_clock_spans_many() -> None:
    streams = ("btcusdt@kline_1m", "btcusdt@kline_15m", "btcusdt@kline_1h", "ethusdt@kline_15m")
    async with stage(speed=3600.0) as sim, sim.listening(*streams) as ear:
        for milliseconds in (15 * MINUTE_MS, 7 * MINUTE_MS, 3 * HOUR_MS, 1, HOUR_MS):
            sim.pass_time(milliseconds)
        frames = [frame["data"] for frame in await ear.heard() if frame["data"]["k"]["x"]]
        ends = [frame["k"]["T"] for frame in frames]
        assert ends == sorted(ends)
        for stream, length_ms in zip(streams, (MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 15 * MINUTE_MS), strict=True):
            symbol, _, interval = stream.partition("@kline_")
            opens = [frame["k"]["t"] for frame in frames if (frame["s"].lower(), frame["k"]["i"]) == (symbol, interval)]
            assert opens == list(range(START_MS, sim.now_ms // length_ms * length_ms, length_ms))


async def test_stream_and_rest_show_the_same_closed_bar() -> None:
    async with stage() as sim, sim.listening("xrpusdt@kline_15m") as ear:
        sim.pass_time(15 * MINUTE_MS)
        kline = next(frame["data"]["k"] for frame in await ear.heard() if frame["data"]["k"]["x"])
        _, rows = await sim.get("/api/v3/klines", symbol="XRPUSDT", interval="15m", startTime=START_MS, limit=1)
        names = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
        assert rows == [[kline[name] for name in names]]


async def test_a_forming_bar_is_shown_every_two_seconds_of_wall_time_and_never_as_closed() -> None:
    async with stage(speed=1.0) as sim, sim.listening("btcusdt@kline_1h") as ear:
        for _ in range(40):
            sim.pass_time(250)
        klines = [frame["data"]["k"] for frame in await ear.heard()]
        assert len(klines) == 5
        assert not any(kline["x"] for kline in klines)


async def test_depth_updates_continue_the_snapshot() -> None:
    async with stage(speed=1.0) as sim, sim.listening("ethusdt@depth@100ms") as ear:
        sim.pass_time(250)
        _, snapshot = await sim.get("/api/v3/depth", symbol="ETHUSDT", limit=100)
        for _ in range(8):
            sim.pass_time(250)
        book = {side: dict(snapshot[f"{side}s"]) for side in ("bid", "ask")}
        last_id = snapshot["lastUpdateId"]
        updates = [frame["data"] for frame in await ear.heard() if frame["data"]["u"] > last_id]
        assert updates
        for update in updates:
            assert update["U"] == last_id + 1  # no update is missing
            last_id = update["u"]
            for side, changes in (("bid", update["b"]), ("ask", update["a"])):
                for price, size in changes:
                    book[side][price] = size
                    if float(size) == 0:
                        del book[side][price]
        _, expected = await sim.get("/api/v3/depth", symbol="ETHUSDT", limit=100)
        assert expected["lastUpdateId"] == last_id
        for side in ("bid", "ask"):
            assert book[side] == dict(expected[f"{side}s"])


async def test_partial_depth_and_mini_tickers_come_once_a_second() -> None:
    streams = ("btcusdt@depth20", "btcusdt@depth5@100ms", "btcusdt@miniTicker", "!miniTicker@arr", "btcusdt@depth")
    async with stage(speed=1.0) as sim, sim.listening(*streams) as ear:
        for _ in range(12):
            sim.pass_time(250)
        frames = await ear.heard()
        counts = {stream: sum(frame["stream"] == stream for frame in frames) for stream in streams}
        assert counts == dict(zip(streams, (3, 12, 3, 3, 3), strict=True))
        partial = next(frame["data"] for frame in frames if frame["stream"] == "btcusdt@depth20")
        assert len(partial["bids"]) == len(partial["asks"]) == 20


async def test_the_server_pings_and_cuts_a_client_that_does_not_answer() -> None:
    async with stage(speed=1.0) as sim, sim.http.ws_connect(f"{sim.url}/ws", autoping=False) as socket:
        sim.pass_time(int(PING_SECONDS * 1000) + 1)
        ping = await socket.receive(timeout=PATIENCE_SECONDS)
        assert ping.type is aiohttp.WSMsgType.PING
        assert int(ping.data) == sim.now_ms
        await socket.pong(ping.data)
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        assert json.loads(await socket.receive_str(timeout=PATIENCE_SECONDS)) == {"result": [], "id": 1}
        sim.pass_time(int((PING_SECONDS + PONG_SECONDS) * 1000) - 1)
        assert len(sim.exchange.hub.connections) == 1
        sim.pass_time(2)
        while (last := await socket.receive(timeout=PATIENCE_SECONDS)).type is aiohttp.WSMsgType.PING:
            pass
        assert last.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)
