"""``heatsink status`` and ``heatsink sizes`` on a server that holds one message of every kind."""

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from services.cli.__main__ import app
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import SIZES
from tests.cli.verbs.sample_server import Heatsink, publish
from tests.keys import MAIN


def test_status_shows_nav_heat_positions_halts_marks_and_services(heatsink: Heatsink) -> None:
    text = heatsink("status").stdout
    assert "NAV" in text
    assert "$200,000" in text
    assert "0.16 % of 8 %" in text
    assert "BTC/USDT" in text
    assert "Majors" in text
    assert "feed lost" not in text, "the feed that was lost came back"
    assert "1 marks, the oldest of BTC/USDT" in text
    assert "ready" in text
    assert "epoch 3" in text


def test_status_as_json_is_one_object_for_programs(heatsink: Heatsink) -> None:
    status = json.loads(heatsink("status", "--json").stdout)
    assert status["portfolio"]["nav"] == 200_000.0
    assert status["speed"] == 60.0
    assert status["services"]["risk"]["alive"] is True
    assert status["halts"] == []


def test_status_on_an_empty_server_says_that_nothing_ran_there(valkey_server: str, heatsink: Heatsink) -> None:
    asyncio.run(publish(valkey_server, []))
    result = heatsink("status")
    assert result.exit_code == 0
    assert "No snapshot of the portfolio yet" in result.stdout


def test_status_without_a_server_names_the_remedy(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--redis-url", "redis://127.0.0.1:1/0", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "Redis is away" in result.stderr
    assert "--redis-url" in result.stderr


def test_sizes_shows_the_latest_size_of_a_pair_by_any_of_its_spellings(heatsink: Heatsink) -> None:
    for spelling in ("BTC/USDT", "btc", "BTCUSDT", "btc-usdt"):
        text = heatsink("sizes", spelling).stdout
        assert "0.26041" in text
        assert "equity_at_risk" in text


def test_sizes_of_a_pair_that_has_none_says_so(heatsink: Heatsink) -> None:
    result = heatsink("sizes", "eth")
    assert result.exit_code == 1
    assert "ETH/USDT has not been sized yet" in result.stderr


def test_a_pair_outside_the_universe_gets_a_suggestion(heatsink: Heatsink) -> None:
    result = heatsink("sizes", "DOEG")
    assert result.exit_code == 1
    assert 'Did you mean "DOGE"?' in result.stderr


def test_sizes_as_json_are_the_messages_themselves(heatsink: Heatsink) -> None:
    size = json.loads(heatsink("sizes", "--json").stdout)
    assert (size["symbol"], size["quantity"]) == ("BTC/USDT", "0.26041")


def test_sizes_stream_is_not_touched_by_looking(valkey_server: str, heatsink: Heatsink) -> None:
    """Looking leaves no groups, keys or functions behind."""

    async def keys() -> set[bytes]:
        async with RedisBus.open(valkey_server, MAIN) as bus:
            return {*await bus.client.keys("*"), *(await bus.client.xinfo_groups(MAIN.of(SIZES)))}

    before = asyncio.run(keys())
    for verb in (("status",), ("sizes",), ("why", "o-1"), ("tail", "--no-follow"), ("doctor",)):
        heatsink(*verb)
    assert asyncio.run(keys()) == before
