"""The verbs that look at a stack, against a real server on which a few messages were published."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from msgspec import structs
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.cli.commanding import NoAnswerError, send_halt, send_resume
from shared.adapters.clocks import ClockOrigin, RealClock
from shared.adapters.redis.bus import RedisBus
from shared.application.stack import RunNote, StackLocator, find_stack, write_note
from shared.application.wording.one_line import event_line
from shared.messages.base import Message, derived_id
from shared.messages.catalogue import CONTROL, SIZES
from shared.messages.control import Halt, MessageRefused, Resume
from shared.messages.market import MarkChanged
from shared.messages.portfolio import Halted, Resumed
from shared.runtime.health import Heartbeat
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import HOUR, T0, decision, proposal, samples

Heatsink = Callable[..., Result]


async def publish(url: str, messages: Sequence[Message]) -> None:
    """Onto an empty server whose market time begins at T0 + 1 h, 60 times as fast as the wall's; with one heartbeat."""
    async with RedisBus.open(url, MAIN) as bus:
        await bus.client.flushdb()
        wall_ns = RealClock().wall_ns()
        await bus.agree_on_clock(ClockOrigin(origin_market_ns=T0 + HOUR, origin_wall_ns=wall_ns, speed=60.0))
        await bus.publish([message for message in messages if not isinstance(message, MarkChanged)])
        await bus.set_marks([message for message in messages if isinstance(message, MarkChanged)])
        beat = Heartbeat(
            service="risk", pid=1, state="ready", started_wall_ns=wall_ns, beat_wall_ns=wall_ns, facts={"epoch": 3}
        )
        await bus.set_heartbeat("risk", beat)


@pytest.fixture
def heatsink(valkey_server: str, tmp_path: Path) -> Heatsink:
    """Runs a verb on a server that holds one message of every kind."""
    asyncio.run(publish(valkey_server, samples()))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--redis-url", valkey_server, "--data", str(tmp_path)])

    return run


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


def test_why_explains_a_trim_in_one_paragraph_and_lists_the_ceilings(heatsink: Heatsink) -> None:
    text = " ".join(heatsink("why", "o-1").stdout.split())
    assert "was trimmed from 0.5 to 0.31 BTC: sector Majors has $6,355 of $50,000 left." in text
    assert "Heat went from 3.10 % to 3.26 % of NAV $200,000" in text
    assert "> sector_cap 0.31 BTC = $6,355 $50,000 $43,645 $6,355" in text
    assert "filled buy 0.31 BTC/USDT at 20,510.2" in text


def test_why_finds_an_order_by_the_beginning_of_its_id(valkey_server: str, heatsink: Heatsink) -> None:
    asyncio.run(publish(valkey_server, [decision("o-abc123"), decision("o-abd999", seq=8)]))
    assert "o-abc123" in heatsink("why", "o-abc").stdout
    ambiguous = heatsink("why", "o-ab")
    assert ambiguous.exit_code == 1
    assert "2 orders begin with o-ab: o-abd999, o-abc123. Give more of the id." in ambiguous.stderr


def test_why_of_a_rejection_gives_the_reason_of_the_closed_gate(valkey_server: str, heatsink: Heatsink) -> None:
    reason = "mark of BTC/USDT is stale: 7.0 s old"
    rejected = decision("o-9", verdict="reject", binding="fresh_mark", reason=reason, ceilings=())
    asyncio.run(publish(valkey_server, [rejected]))
    assert f"was rejected (0.5 BTC asked): {reason}." in " ".join(heatsink("why", "o-9").stdout.split())


def test_why_of_an_order_that_is_not_decided_yet_says_so(valkey_server: str, heatsink: Heatsink) -> None:
    asyncio.run(publish(valkey_server, [proposal("o-new")]))
    result = heatsink("why", "o-new")
    assert result.exit_code == 1
    assert "is not decided yet" in result.stderr


def test_why_of_an_order_that_nobody_could_read_points_to_where_it_lies(valkey_server: str, heatsink: Heatsink) -> None:
    refused = next(message for message in samples() if isinstance(message, MessageRefused))
    body = b'{"type":"order_proposed","id":"mine-1","quantity":-1}'
    asyncio.run(publish(valkey_server, [structs.replace(refused, id="r-1", field="$.quantity", body=body)]))
    result = heatsink("why", "mine-1")
    assert result.exit_code == 1
    assert "mine-1 could not be read ($.quantity: " in result.stderr
    assert "heatsink tail dead" in result.stderr


def test_why_of_an_unknown_order_names_the_last_ones(heatsink: Heatsink) -> None:
    result = heatsink("why", "nothing")
    assert result.exit_code == 1
    assert "There is no order nothing. The last ones decided: o-1." in result.stderr


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
        "approved",
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


def test_doctor_names_what_is_missing_and_fails(heatsink: Heatsink) -> None:
    result = heatsink("doctor")
    text = "\n".join(" ".join(line.split()) for line in result.stdout.splitlines())
    assert result.exit_code == 1
    assert "ok persistence append-only file, fsync everysec" in text
    assert "ok functions heatsink's function library is loaded" in text
    assert "ok risk ready, process 1" in text
    assert "fail sizing has never run here" in text
    assert "-> Start the stack: heatsink up." in text
    assert "fail exchange" in text


def test_config_check_tells_what_is_configured() -> None:
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 0
    assert "38 pairs, 7 sectors, 2 renames" in result.stdout
    assert "BTC ETH BNB SOL XRP ADA LTC MATIC are an assumption" in result.stdout


def test_config_check_names_every_fault_and_ends_with_the_code_for_configuration(tmp_path: Path) -> None:
    for path in (Path(__file__).parents[2] / "deploy" / "config").iterdir():
        text = path.read_text().replace("heat = 0.08", "heat = 8").replace('kind = "sim"', 'kind = "simm"')
        (tmp_path / path.name).write_text(text)
    result = CliRunner().invoke(app, ["config", "check", "--config", str(tmp_path)])
    assert result.exit_code == 78
    assert "2 faults in the configuration" in result.stderr
    assert "write 0.08 for 8 %" in result.stderr
    assert 'Did you mean "sim"?' in result.stderr


def test_config_check_calls_nothing_sound_that_the_services_would_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEATSINK_PHASE", "live")
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 78
    assert "sound" not in result.stdout
    for said in ("exchange.orders = paper", 'phase "live" wants real orders', "ramp.rehearsal = true"):
        assert said in result.stderr
    monkeypatch.setenv("HEATSINK_RAMP__REHEARSAL", "true")
    assert "phase       live (rehearsal)" in CliRunner().invoke(app, ["config", "check"]).stdout


def test_config_check_names_the_server_of_the_stack_that_runs_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEATSINK_REDIS__URL", raising=False)
    monkeypatch.chdir(tmp_path)
    assert "heatsink up starts its own" in CliRunner().invoke(app, ["config", "check"]).stdout
    (tmp_path / ".heatsink").mkdir()
    note = RunNote(
        pid=os.getpid(), redis_url="redis://127.0.0.1:7777/0", portfolio="main", exchange="sim", exchange_url="",
        ops_url="", config_dir="", started_wall_ns=1,
    )  # fmt: skip
    write_note(tmp_path / ".heatsink", note)
    assert "redis://127.0.0.1:7777/0 (of the stack" in CliRunner().invoke(app, ["config", "check"]).stdout


@pytest.mark.sockets
def test_without_a_stack_in_the_folder_people_are_told_how_to_start_or_find_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEATSINK_REDIS__URL", raising=False)
    for file in (Path(__file__).parents[2] / "deploy" / "config").glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text().replace("127.0.0.1:6379", "127.0.0.1:1"))
    arguments = ["--data", str(tmp_path / "none"), "--config", str(tmp_path)]
    told = CliRunner().invoke(app, ["status", *arguments]).stderr
    assert all(word in told for word in ("No stack runs from", "make run", "heatsink up", "--data", "--redis-url")), (
        told
    )
    monkeypatch.setenv("HEATSINK_EXCHANGE__URL", "http://127.0.0.1:1")
    doctor = CliRunner().invoke(app, ["doctor", *arguments]).stdout
    assert "--exchange" not in doctor
    assert "It comes with the stack" in doctor


def test_doctor_tells_of_settings_that_the_services_would_refuse(
    heatsink: Heatsink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEATSINK_PHASE", "live")
    result = heatsink("doctor")
    assert result.exit_code == 1
    assert "exchange.orders = paper" in result.stdout
    assert "ok    configuration" not in result.stdout


# --- commands, with something that answers as the risk service does -------------------------------------------------


def place_of(url: str, data_dir: Path) -> StackLocator:
    return find_stack(redis_url=url, config_dir=None, data_dir=data_dir, environ={})


async def answer_once(bus: RedisBus) -> None:
    """Take the next command and say what became of it."""
    cursors = {MAIN.of(CONTROL): "0"}
    while True:
        for entry in await bus.read_from(cursors, 200):
            command = entry.message
            if isinstance(command, Halt):
                halted = Halted(
                    id=derived_id("halted", command.id),
                    cause=command.id,
                    time_ns=command.time_ns,
                    symbol=command.symbol,
                    reason=command.reason,
                    until_ns=command.until_ns,
                    who=command.who,
                )
                await bus.publish([halted])
                return
            if isinstance(command, Resume):
                resumed = Resumed(
                    id=derived_id("resumed", command.id),
                    cause=command.id,
                    time_ns=command.time_ns,
                    symbol=command.symbol,
                    held_ns=HOUR,
                    who=command.who,
                )
                await bus.publish([resumed])
                return


async def test_a_halt_is_sent_and_its_answer_told(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = place_of(valkey_server, tmp_path)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(answer_once(redis_bus))
        [halted] = await send_halt(stack, "ETH/USDT", "odd prices", 30, wait_seconds=PATIENCE_SECONDS)
    answer = event_line(halted)
    assert "HALTED    ETH/USDT (halted) until" in answer
    assert "odd prices" in answer


async def test_a_resume_is_sent_and_its_answer_told(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = place_of(valkey_server, tmp_path)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(answer_once(redis_bus))
        [resumed] = await send_resume(stack, "", "fine again", wait_seconds=PATIENCE_SECONDS)
    answer = event_line(resumed)
    assert "resumed   the portfolio after 1 h" in answer


async def test_a_command_that_nobody_takes_is_reported_as_waiting(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    with pytest.raises(NoAnswerError, match="waits in its stream"):
        await send_halt(place_of(valkey_server, tmp_path), "", "stop", 0, wait_seconds=0.1)
    assert await redis_bus.latest(MAIN.of(CONTROL)) != []


def test_sizes_stream_is_not_touched_by_looking(valkey_server: str, heatsink: Heatsink) -> None:
    """Looking leaves no groups, keys or functions behind."""

    async def keys() -> set[bytes]:
        async with RedisBus.open(valkey_server, MAIN) as bus:
            return {*await bus.client.keys("*"), *(await bus.client.xinfo_groups(MAIN.of(SIZES)))}

    before = asyncio.run(keys())
    for verb in (("status",), ("sizes",), ("why", "o-1"), ("tail", "--no-follow"), ("doctor",)):
        heatsink(*verb)
    assert asyncio.run(keys()) == before
