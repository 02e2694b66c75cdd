"""``heatsink backtest compare``: two reports, or one and a live stack, as people and programs see it."""

import asyncio
import json
import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.backtest.decisions import read_decisions, write_decisions
from services.backtest.recorder.decisions import Decision
from services.cli.views.backtest_compare import compare_and_print
from shared.adapters.redis.bus import RedisBus
from shared.application.errors import UserError
from shared.application.stack import StackLocator, find_stack
from shared.messages.base import Message
from shared.ports.errors import BusLostError
from tests.backtest.random_market import PLAN
from tests.backtest.reports import write_report
from tests.examples import examples
from tests.keys import MAIN
from tests.samples import decision
from tests.shipped import SHIPPED


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("run"))


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return re.sub(r"[ \n]+", " ", capsys.readouterr().out)


def copied(report: Path, folder: Path, decisions: list[Decision]) -> Path:
    (folder / "report.json").write_bytes((report / "report.json").read_bytes())
    write_decisions(decisions, folder)
    return folder


def test_two_runs_of_the_same_are_the_same(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_and_print(report, write_report(tmp_path))
    text = printed(capsys)
    count = len(list(read_decisions(report)))
    assert f"{count} the same, 0 different, 0 only in A, 0 only in B" in text
    assert "data: the same config: the same code: the same" in text
    assert "first difference" not in text


def test_the_first_decision_that_differs_is_named_with_both_sides(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decisions = list(read_decisions(report))
    place = next(number for number, each in enumerate(decisions) if each.verdict == "approve")
    trimmed = structs.replace(decisions[place], verdict="trim", approved=Decimal("0.001"), binding="sector_cap")
    other = copied(report, tmp_path, [*decisions[:place], trimmed, *decisions[place + 1 : -1]])
    assert not compare_and_print(report, other)
    text = printed(capsys)
    assert f"{len(decisions) - 2} the same, 1 different, 1 only in A, 0 only in B" in text
    assert f"UTC: {trimmed.order_id}, {trimmed.side} " in text
    assert "trim 0.001 by sector_cap (differs in verdict, approved, binding)" in text
    assert "verdict approve trim" in text


def test_runs_of_other_limits_show_their_figures_side_by_side_and_which_digests_differ(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tighter = structs.replace(PLAN, limits=structs.replace(PLAN.limits, heat=0.005))
    assert not compare_and_print(report, write_report(tmp_path, plan=tighter))
    text = printed(capsys)
    assert "data: the same config: not the same code: the same" in text
    assert "by portfolio_heat" in text
    for name in ("return", "Sharpe ratio", "drawdown, at most", "heat, at most", "trades"):
        assert name in text


def test_programs_get_one_object(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copied(report, tmp_path, list(read_decisions(report))[1:])
    assert not compare_and_print(report, other, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["only_first"], found["only_second"], found["different"]) == (1, 0, 0)
    assert found["first_difference"]["second"] is None
    assert found["same_digests"] == {"data": True, "config": True, "code": True}
    assert found["figures"]["first"]["trades"]["count"] > 0


def test_only_the_times_that_are_named_are_compared(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = copied(report, tmp_path, list(read_decisions(report))[1:])
    assert not compare_and_print(report, other)
    assert compare_and_print(report, other, start="2024-01-04", end="2024-01-06T12:00")
    assert "decisions from 2024-01-04 00:00:00 to 2024-01-06 12:00:00 UTC" in printed(capsys)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("soon", "", "--from soon: no date; write it like 2022-11-08 or 2022-11-08T14:00"),
        ("", "2023-13-01", "--to 2023-13-01: no date"),
        ("2030-01-01", "", "there is no time of which both know, and that was asked for"),
        ("2024-01-05", "2024-01-04", "there is no time of which both know"),
    ],
)
def test_times_that_cannot_be_are_refused(report: Path, start: str, end: str, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        compare_and_print(report, report, start=start, end=end)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("report.json", None, "no report.json there"),
        ("decisions.csv", None, "no decisions.csv there"),
        ("report.json", "{", "no report of a backtest"),
        ("report.json", '{"version":1}', "no report of a backtest"),
        ("decisions.csv", "time_ns,order_id\n1,2\n", "expected the columns time_ns, order_id"),
    ],
)
def test_a_folder_that_is_no_report_is_refused_by_what_is_wrong_there(
    report: Path, tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    broken = copied(report, tmp_path, list(read_decisions(report)))
    (broken / name).unlink()
    if text is not None:
        (broken / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told):
        compare_and_print(report, broken)


@examples(60)
@given(st.data())
def test_a_table_of_decisions_that_somebody_spoiled_is_told_of_and_nothing_else_is_raised(
    report: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = (report / "decisions.csv").read_text(encoding="utf-8").splitlines()
    number = data.draw(st.integers(0, min(8, len(lines) - 1)))
    cells = lines[number].split(",")
    cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(st.text(max_size=8))
    lines[number] = ",".join(cells)
    folder = copied(report, tmp_path_factory.mktemp("spoiled"), [])
    (folder / "decisions.csv").write_text("\n".join(lines), encoding="utf-8", errors="replace")
    with suppress(UserError):
        compare_and_print(report, folder, as_json=True)


# --- a live stack -----------------------------------------------------------------------------------------------------


async def publish(url: str, messages: list[Message]) -> None:
    async with RedisBus.open(url, MAIN) as bus:
        await bus.client.flushdb()
        await bus.publish(messages)


def stack_at(url: str, folder: Path) -> StackLocator:
    return find_stack(redis_url=url, config_dir=SHIPPED, data_dir=folder, environ={})


def as_decided(each: Decision) -> Message:
    return structs.replace(
        decision(each.order_id), time_ns=each.time_ns, symbol=each.symbol, side=each.side, verdict=each.verdict,
        quantity_requested=each.requested, quantity_approved=each.approved, binding=each.binding,
    )  # fmt: skip


@pytest.mark.sockets
def test_a_live_stack_is_compared_for_the_time_that_it_ran(
    report: Path, valkey_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decisions = list(read_decisions(report))
    stack = stack_at(valkey_server, tmp_path)
    later = [as_decided(each) for each in decisions if decisions[0].time_ns < each.time_ns < decisions[-1].time_ns]
    asyncio.run(publish(valkey_server, later))
    assert compare_and_print(report, stack)
    text = printed(capsys)
    assert f"B portfolio main at {valkey_server}" in text
    assert "0 different, 0 only in A, 0 only in B" in text
    asyncio.run(
        publish(valkey_server, [as_decided(each) for each in decisions if each.order_id != decisions[5].order_id])
    )
    assert not compare_and_print(report, stack)
    assert f"{decisions[5].order_id}, " in printed(capsys)


@pytest.mark.sockets
def test_a_server_that_is_away_is_no_difference(report: Path, tmp_path: Path) -> None:
    with pytest.raises(BusLostError):
        compare_and_print(report, stack_at("redis://127.0.0.1:1/0", tmp_path))
