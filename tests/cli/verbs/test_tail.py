"""``heatsink tail`` of what is there already."""

import asyncio
import json

from msgspec import structs

from tests.cli.verbs.sample_server import Heatsink, publish
from tests.samples import proposal


def test_tail_prints_what_is_there_in_the_order_of_time(heatsink: Heatsink) -> None:
    lines = heatsink("tail", "--last", "10", "--no-follow").stdout.splitlines()
    assert [line[:19] for line in lines] == sorted(line[:19] for line in lines)
    assert any("TRIM" in line and "o-1" in line for line in lines)
    assert not any("  mark " in line for line in lines)


def test_tail_counts_the_messages_of_the_pair_alone(valkey_server: str, heatsink: Heatsink) -> None:
    later = [proposal(f"o-btc-{number}") for number in range(3)]
    eth = [structs.replace(proposal(f"o-eth-{number}"), symbol="ETH/USDT") for number in range(3)]
    asyncio.run(publish(valkey_server, [*eth, *later]))
    lines = heatsink("tail", "proposed", "--pair", "eth", "--last", "2", "--no-follow").stdout.splitlines()
    assert ["o-eth-1" in lines[0], "o-eth-2" in lines[1], len(lines)] == [True, True, 2]


def test_tail_of_some_topics_and_one_pair_leaves_the_rest_out(heatsink: Heatsink) -> None:
    lines = heatsink("tail", "decided", "executed", "--pair", "btc", "--last", "10", "--no-follow").stdout.splitlines()
    assert {line[21:30].strip() for line in lines} == {
        "TRIM",
        "REFUSED",
        "approved",
        "awaited",
        "import",
        "cancel",
        "placed",
        "filled",
        "complete",
        "stop",
    }
    assert heatsink("tail", "--pair", "eth", "--last", "10", "--no-follow").stdout == ""


def test_tail_as_json_gives_whole_messages(heatsink: Heatsink) -> None:
    (line,) = heatsink("tail", "sizes", "--json", "--last", "1", "--no-follow").stdout.splitlines()
    assert json.loads(line)["type"] == "PositionSized"


def test_tail_of_an_unknown_topic_gets_a_suggestion(heatsink: Heatsink) -> None:
    result = heatsink("tail", "decide")
    assert result.exit_code == 1
    assert 'Did you mean "decided"?' in result.stderr
