"""Every fault really happens, and is counted when it does."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.exchange_sim.exchange import ExchangeOptions
from services.exchange_sim.faults import KINDS, ScriptedFault, read_script
from tests.exchange_sim.sim_stage import HOUR_MS, MINUTE_MS, START_MS, Ear, Stage, stage
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.sockets

BTC, ETH = "btcusdt@kline_1m", "ethusdt@kline_1m"
FIRST_FIVE = [START_MS + minute * MINUTE_MS for minute in range(5)]
GONE = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.ERROR)


async def five_minutes(sim: Stage) -> None:
    for _ in range(5):
        sim.pass_time(MINUTE_MS)


async def test_a_fault_nobody_asked_for_never_happens() -> None:
    async with stage() as sim, sim.listening(BTC) as ear:
        await five_minutes(sim)
        assert await ear.closed_bars(BTC) == FIRST_FIVE
        _, answer = await sim.get("/sim/faults")
        assert answer["happened"] == dict.fromkeys(KINDS, 0)


async def test_missing_frames_are_never_sent() -> None:
    async with stage() as sim, sim.listening(BTC, ETH) as ear:
        await sim.inflict(fault="missing", symbol="BTCUSDT", count=2)
        await five_minutes(sim)
        frames = [frame for frame in await ear.heard() if frame["data"]["k"]["x"]]
        assert [frame["data"]["k"]["t"] for frame in frames if frame["stream"] == BTC] == FIRST_FIVE[2:]
        assert [frame["data"]["k"]["t"] for frame in frames if frame["stream"] == ETH] == FIRST_FIVE
        assert await sim.happened("missing") == 2


async def test_duplicate_frames_come_twice() -> None:
    async with stage() as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="duplicate", count=1)
        await five_minutes(sim)
        assert await ear.closed_bars(BTC) == [FIRST_FIVE[0], *FIRST_FIVE]
        assert await sim.happened("duplicate") == 1


async def test_late_frames_come_after_their_delay_in_wall_time() -> None:
    async with stage(speed=60.0) as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="late", count=1, seconds=2.5)  # a minute is a second of wall time here
        await five_minutes(sim)
        assert await ear.closed_bars(BTC) == [*FIRST_FIVE[1:3], FIRST_FIVE[3], FIRST_FIVE[0], FIRST_FIVE[4]]
        assert await sim.happened("late") == 1


async def test_out_of_order_frames_come_after_the_next_one() -> None:
    async with stage() as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="out_of_order", count=1)
        await five_minutes(sim)
        assert await ear.closed_bars(BTC) == [FIRST_FIVE[1], FIRST_FIVE[0], *FIRST_FIVE[2:]]
        assert await sim.happened("out_of_order") == 1


async def test_frames_that_are_all_out_of_order_come_in_swapped_pairs() -> None:
    async with stage() as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="out_of_order")
        await five_minutes(sim)
        assert await ear.closed_bars(BTC) == [FIRST_FIVE[index] for index in (1, 0, 3, 2)]
        assert await sim.happened("out_of_order") == 3


async def test_unclosed_bars_never_get_their_closing_frame() -> None:
    async with stage() as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="unclosed", count=1)
        await five_minutes(sim)
        frames = [frame["data"]["k"] for frame in await ear.heard()]
        assert [frame["t"] for frame in frames if frame["x"]] == FIRST_FIVE[1:]
        assert any(frame["t"] == FIRST_FIVE[0] for frame in frames)
        assert await sim.happened("unclosed") == 1


async def test_filters_and_chances_choose_the_frames() -> None:
    async with stage() as sim, sim.listening(BTC, ETH, "btcusdt@kline_3m") as ear:
        await sim.inflict(fault="missing", stream="btc*", timeframe="1m", probability=0.5)
        for _ in range(60):
            sim.pass_time(MINUTE_MS)
        frames = [frame for frame in await ear.heard() if frame["data"]["k"]["x"]]
        counts = {stream: sum(frame["stream"] == stream for frame in frames) for stream in (BTC, ETH)}
        missing = await sim.happened("missing")
        assert 15 < missing < 45
        assert counts == {BTC: 60 - missing, ETH: 60}
        assert sum(frame["stream"] == "btcusdt@kline_3m" for frame in frames) == 20


async def test_a_fault_ends_when_its_time_is_over_or_it_is_cleared() -> None:
    async with stage(speed=60.0) as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="missing", lasts_seconds=2.5)
        await five_minutes(sim)
        assert await ear.closed_bars(BTC) == FIRST_FIVE[2:]
        await sim.inflict(fault="missing")
        sim.pass_time(MINUTE_MS)
        async with sim.http.delete(f"{sim.url}/sim/faults") as response:
            assert (await response.json())["active"] == []
        sim.pass_time(MINUTE_MS)
        assert await ear.closed_bars(BTC) == [START_MS + 6 * MINUTE_MS]


async def test_dropped_connections_end_without_a_goodbye() -> None:
    async with stage() as sim, sim.listening(BTC) as dropped, sim.listening(ETH) as kept:
        await sim.inflict(fault="drop", stream="btcusdt@*")
        message = await dropped.socket.receive(timeout=PATIENCE_SECONDS)
        assert message.type in GONE
        assert dropped.socket.close_code in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE)
        await five_minutes(sim)
        assert await kept.closed_bars(ETH) == FIRST_FIVE
        assert await sim.happened("drop") == 1


async def test_a_half_open_connection_is_silent_but_stands() -> None:
    async with stage() as sim, sim.listening(BTC) as ear:
        await sim.inflict(fault="half_open")
        await five_minutes(sim)
        await ear.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        await ear.socket.ping()
        with pytest.raises(TimeoutError):
            await ear.socket.receive(timeout=0.2)
        sim.pass_time(60 * MINUTE_MS)  # nor is it tidied away
        assert not ear.socket.closed
        assert len(sim.exchange.hub.connections) == 1
        assert await sim.happened("half_open") == 1


async def test_server_shutdown_is_announced_in_binances_form() -> None:
    async with stage() as sim, sim.listening(BTC) as combined, sim.http.ws_connect(f"{sim.url}/ws/{ETH}") as raw:
        await sim.inflict(fault="server_shutdown")
        event = {"e": "serverShutdown", "E": START_MS}
        assert await combined.next() == {"stream": "!serverShutdown", "data": event}
        assert await Ear(raw).next() == event
        assert await sim.happened("server_shutdown") == 2


async def test_refused_requests_carry_retry_after_and_the_next_one_is_answered() -> None:
    async with stage() as sim:
        await sim.inflict(fault="rate_limit", path="/api/v3/klines", count=2, seconds=7)
        url = f"{sim.url}/api/v3/klines?symbol=BTCUSDT&interval=1h"
        for expected in (429, 429, 200):
            async with sim.http.get(url) as response:
                assert response.status == expected
                assert response.headers.get("Retry-After") == ("7" if expected == 429 else None)
        assert (await sim.get("/api/v3/ping"))[0] == 200
        assert await sim.happened("rate_limit") == 2


async def test_a_ban_holds_for_its_time_on_every_path() -> None:
    async with stage(speed=1.0) as sim:
        await sim.inflict(fault="ban", count=1, seconds=30)
        statuses = []
        for milliseconds in (0, 0, 20_000, 20_000):
            sim.pass_time(milliseconds)
            statuses.append((await sim.get("/api/v3/time"))[0])
        assert statuses == [418, 418, 418, 200]
        assert await sim.happened("ban") == 1


async def test_server_errors_have_the_status_asked_for() -> None:
    async with stage() as sim:
        await sim.inflict(fault="server_error", status_code=502, count=1)
        assert [(await sim.get("/api/v3/time"))[0] for _ in range(2)] == [502, 200]
        assert await sim.happened("server_error") == 1


async def symbol_of(sim: Stage, symbol: str) -> dict[str, Any] | None:
    _, info = await sim.get("/api/v3/exchangeInfo")
    return next((one for one in info["symbols"] if one["symbol"] == symbol), None)


def filter_of(symbol: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in symbol["filters"] if one["filterType"] == kind)


async def test_a_halted_symbol_stops_and_goes_on_with_a_hole_in_between() -> None:
    async with stage() as sim, sim.listening(BTC, "btcusdt@bookTicker", "btcusdt@kline_1h") as ear:
        sim.pass_time(2 * MINUTE_MS + 20_000)
        await sim.inflict(fault="status", symbol="BTCUSDT", status="HALT")
        last = sim.exchange.market.price_at("BTCUSDT", sim.clock.now_ns())
        await ear.heard()
        assert (await symbol_of(sim, "BTCUSDT") or {})["status"] == "HALT"
        for _ in range(5):
            sim.pass_time(MINUTE_MS)
        frames = await ear.heard()
        assert sim.exchange.market.price_at("BTCUSDT", sim.clock.now_ns()) == last
        # Only the minute that was under way still closes, at the last price.
        assert [(frame["stream"], frame["data"]["k"]["t"]) for frame in frames] == [(BTC, FIRST_FIVE[2])]
        assert float(frames[0]["data"]["k"]["c"]) == last
        await sim.inflict(fault="status", symbol="BTCUSDT", status="TRADING")
        for _ in range(60):
            sim.pass_time(MINUTE_MS)
        frames = await ear.heard()
        assert await sim.happened("status") == 2
        assert frames[0]["stream"] in ("btcusdt@bookTicker", BTC)
        _, rows = await sim.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=START_MS, limit=9)
        assert [row[0] for row in rows] == [START_MS + minute * MINUTE_MS for minute in (0, 1, 2, 7, 8, 9, 10, 11, 12)]
        _, (hour,) = await sim.get("/api/v3/klines", symbol="BTCUSDT", interval="1h", startTime=START_MS, limit=1)
        span = {"startTime": START_MS, "endTime": START_MS + HOUR_MS - 1}
        _, minutes = await sim.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", **span)
        assert float(hour[2]) == max(float(row[2]) for row in minutes)
        assert float(hour[5]) == pytest.approx(sum(float(row[5]) for row in minutes))


async def test_a_delisted_symbol_is_unknown_and_silent() -> None:
    async with stage() as sim, sim.listening(BTC, ETH) as ear:
        await sim.inflict(fault="delist", symbol="BTCUSDT")
        await five_minutes(sim)
        assert {frame["stream"] for frame in await ear.heard()} == {ETH}
        assert await symbol_of(sim, "BTCUSDT") is None
        status, answer = await sim.get("/api/v3/klines", symbol="BTCUSDT", interval="1h")
        assert (status, answer["code"]) == (400, -1121)
        assert await sim.happened("delist") == 1


async def test_a_renamed_symbol_goes_on_under_its_new_name_at_its_ratio() -> None:
    async with stage() as sim, sim.listening("newusdt@kline_15m", "grtusdt@kline_15m") as ear:
        sim.pass_time(90_000)
        before = sim.exchange.market.price_at("GRTUSDT", sim.clock.now_ns())
        await sim.inflict(fault="rename", symbol="GRTUSDT", new_symbol="NEWUSDT", price_ratio=0.1, seconds=0)
        old, new = await symbol_of(sim, "GRTUSDT"), await symbol_of(sim, "NEWUSDT")
        assert old is not None
        assert new is not None
        assert (old["status"], new["status"], new["baseAsset"]) == ("BREAK", "TRADING", "NEW")
        assert before is not None
        assert sim.exchange.market.price_at("NEWUSDT", sim.clock.now_ns()) == pytest.approx(before * 0.1)
        ticks = [filter_of(symbol, "PRICE_FILTER")["tickSize"] for symbol in (old, new)]
        assert ticks == ["0.00001000", "0.00000100"]
        _, history = await sim.get("/api/v3/klines", symbol="NEWUSDT", interval="1h", limit=1000)
        assert history == []  # a new listing has no past
        sim.pass_time(HOUR_MS)
        assert await ear.closed_bars("newusdt@kline_15m") == [
            START_MS + quarter * 15 * MINUTE_MS for quarter in range(4)
        ]
        assert await sim.happened("rename") == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"fault": "gremlins"}, "gremlins"),
        ({"fault": "missing", "probability": 2}, "probability"),
        ({"fault": "missing", "often": True}, "often"),
        ({"fault": "delist", "symbol": "NOPEUSDT"}, "not listed"),
        ({"fault": "rename", "symbol": "BTCUSDT", "new_symbol": "ETHUSDT"}, "not listed yet"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_with_its_reason(fault: dict[str, Any], reason: str) -> None:
    async with stage() as sim, sim.http.post(f"{sim.url}/sim/faults", json=fault) as response:
        assert response.status == 400
        assert reason in (await response.json())["error"]


SCRIPT = """
[[faults]]
fault = "missing"
after_seconds = 1.5
count = 1

[[faults]]
fault = "status"
symbol = "ETHUSDT"
status = "BREAK"
at_market_time = 2025-01-01T01:03:30Z
"""


async def test_a_script_inflicts_its_faults_at_their_time(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(SCRIPT)
    options = ExchangeOptions(script=read_script(path))
    async with stage(speed=60.0, options=options) as sim, sim.listening(BTC) as ear:
        statuses = []
        for _ in range(5):
            sim.pass_time(MINUTE_MS)
            statuses.append(sim.exchange.market.status("ETHUSDT", sim.now_ms))
        assert await ear.closed_bars(BTC) == [FIRST_FIVE[0], *FIRST_FIVE[2:]]
        assert statuses == ["TRADING"] * 3 + ["BREAK"] * 2
        _, answer = await sim.get("/sim/faults")
        assert (answer["happened"]["missing"], answer["happened"]["status"], answer["waiting"]) == (1, 1, [])


def test_scripts_are_read_from_json_too_and_faults_in_them_are_named(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('{"faults": [{"fault": "drop", "after_seconds": 3}]}')
    assert read_script(path) == (ScriptedFault(fault="drop", after_seconds=3.0),)
    path.write_text('{"faults": [{"fault": "drop", "at_market_time": "2025-01-01T01:00:00"}]}')  # UTC
    (at_start,) = read_script(path)
    assert at_start.is_due(elapsed_steady_ns=0, now_ns=START_MS * 1_000_000)
    assert not at_start.is_due(elapsed_steady_ns=0, now_ns=START_MS * 1_000_000 - 1)
    path.write_text('{"faults": [{"fault": "drop", "after_seconds": "soon"}]}')
    with pytest.raises(ValueError, match=r"faults\.json.*faults"):
        read_script(path)


# --- rows that cannot be, and a clock that is set ---------------------------------------------------------------------


async def test_a_field_of_a_pair_s_rows_becomes_what_the_fault_says_in_answers_and_streams_alike() -> None:
    async with stage() as sim, sim.listening("ethusdt@bookTicker", "btcusdt@bookTicker") as ear:
        await sim.inflict(fault="odd_row", symbol="ETHUSDT", field="bidPrice", value="NaN")
        await sim.inflict(fault="odd_row", symbol="ETHUSDT", field="b", value=None)
        await sim.inflict(fault="odd_row", symbol="ETHUSDT", field="filters.LOT_SIZE.minQty")
        await sim.inflict(fault="odd_row", symbol="ETHUSDT", path="*/klines", field="4", value="0")
        _, tickers = await sim.get("/api/v3/ticker/bookTicker")
        _, info = await sim.get("/api/v3/exchangeInfo")
        _, bars = await sim.get("/api/v3/klines", symbol="ETHUSDT", interval="1h", limit=2)
        sim.pass_time(1_000)
        frames = {frame["stream"]: frame["data"] for frame in await ear.heard()}
        assert await sim.happened("odd_row") == 5
    assert [row["symbol"] for row in tickers if row["bidPrice"] == "NaN"] == ["ETHUSDT"]
    lots = {row["symbol"]: one for row in info["symbols"] for one in row["filters"] if one["filterType"] == "LOT_SIZE"}
    assert [symbol for symbol, lot in lots.items() if "minQty" not in lot] == ["ETHUSDT"]
    assert [row[4] for row in bars] == ["0", "0"]
    assert (frames["ethusdt@bookTicker"]["b"], float(frames["btcusdt@bookTicker"]["b"]) > 0) == (None, True)


async def test_a_whole_row_is_replaced_as_often_as_the_fault_says() -> None:
    async with stage() as sim:
        await sim.inflict(fault="odd_row", symbol="BTCUSDT", path="*/depth", value=["x"], count=1)
        assert (await sim.get("/api/v3/depth", symbol="BTCUSDT"))[1] == ["x"]
        assert "bids" in (await sim.get("/api/v3/depth", symbol="BTCUSDT"))[1]


async def test_the_exchange_s_clock_is_set_forward_and_back_beside_that_of_the_stack() -> None:
    async with stage(speed=60.0) as sim:
        await sim.inflict(fault="clock_step", step_seconds=-30)
        assert (await sim.get("/api/v3/time"))[1]["serverTime"] == sim.now_ms - 30 * 60_000
        await sim.inflict(fault="clock_step", step_seconds=30)
        assert (await sim.get("/api/v3/time"))[1]["serverTime"] == sim.now_ms
        assert await sim.happened("clock_step") == 2
