"""What a running stack shows: event lines, the status line, the panel, and the summary at the end."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import structlog
from rich.console import Console

from services.cli.live import LiveScreen, PictureScreen
from services.cli.screen import LINES_PER_SECOND, LineScreen, LogPipe
from services.cli.summary import summary_rows, summary_text
from services.cli.supervisor import Supervisor
from shared.application.monitor import Activity
from shared.messages.market import PairListed
from shared.messages.portfolio import Halted, PortfolioMarked
from shared.runtime.logs import configure_logs
from tests.samples import header, proposal, samples


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def idle_supervisor() -> Supervisor:
    return Supervisor(lambda _name, _line: None, lambda _event: None)


def activity_of_samples() -> Activity:
    activity = Activity(began=100.0)
    for message in samples():
        activity.take(message, now=103.5)
    return activity


# --- lines ------------------------------------------------------------------------------------------------------------


def test_events_beyond_what_can_be_read_are_counted_instead() -> None:
    output = io.StringIO()
    screen = LineScreen(output)
    for number in range(LINES_PER_SECOND + 30):
        screen.message(proposal(f"o-{number}"))
    assert len(output.getvalue().splitlines()) == LINES_PER_SECOND
    screen.tick(Activity(), idle_supervisor(), 6.0)
    assert output.getvalue().splitlines()[-1].endswith("30 lines not shown")
    screen.message(proposal("o-next"))
    assert "o-next" in output.getvalue().splitlines()[-1]


def test_the_status_line_says_how_things_stand() -> None:
    output = io.StringIO()
    LineScreen(output).tick(activity_of_samples(), idle_supervisor(), 6.0)
    (line,) = output.getvalue().splitlines()
    assert line.startswith("[6 s] 2022-11-01 01:00:00 · NAV $200,000 · heat 0.16 % of 8 %")
    assert "bars 1 (+0 of history) · sizes 1 · proposals 1 · approve 0, trim 1, reject 0 · fills 1" in line


def test_a_quiet_screen_shows_no_events() -> None:
    output = io.StringIO()
    screen = LineScreen(output, quiet=True)
    screen.message(proposal())
    screen.tick(Activity(), idle_supervisor(), 60.0)
    assert output.getvalue() == ""


def test_log_lines_of_children_pass_through_as_they_came_where_all_are_wanted() -> None:
    output = io.StringIO()
    configure_logs("up", stream=output)
    pipe = LogPipe(output, all_levels=True, readable=False)
    line = '{"timestamp":"2026-01-01T00:00:00Z","level":"info","service":"risk","event":"started"}'
    pipe.line("risk", line)
    assert output.getvalue() == line + "\n"


def test_what_is_no_log_line_is_wrapped_into_one() -> None:
    output = io.StringIO()
    configure_logs("up", stream=output)
    pipe = LogPipe(output, readable=False)
    for text in ("Traceback (most recent call last):", "{not json", "[1, 2]"):
        pipe.line("risk", text)
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["line"] for line in lines] == ["Traceback (most recent call last):", "{not json", "[1, 2]"]
    assert {(line["service"], line["level"]) for line in lines} == {("risk", "warning")}


def test_a_pipe_gets_no_more_than_warnings_either() -> None:
    output = io.StringIO()
    pipe = LogPipe(output, readable=False)
    loud = '{"timestamp":"2026-01-01T10:20:30Z","level":"warning","service":"risk","event":"bus_lost"}'
    pipe.line("risk", '{"timestamp":"2026-01-01T10:20:30Z","level":"info","service":"risk","event":"started"}')
    pipe.line("risk", loud)
    assert output.getvalue() == loud + "\n"


def test_the_last_error_of_each_child_is_kept() -> None:
    configure_logs("up", stream=io.StringIO())
    pipe = LogPipe(io.StringIO())
    pipe.line("risk", '{"level":"critical","service":"risk","event":"crashed","error":"ValueError: bad"}')
    pipe.line("risk", '{"level":"warning","service":"risk","event":"bus_lost"}')
    for line in ("Traceback (most recent call last):", "ImportError: no such thing"):
        pipe.line("sizing", line)
    assert pipe.last_errors == {"risk": "ValueError: bad", "sizing": "ImportError: no such thing"}


def test_people_see_warnings_only_and_without_json() -> None:
    output = io.StringIO()
    configure_logs("up", form="lines", stream=output)
    pipe = LogPipe(output, readable=True)
    pipe.line("risk", '{"timestamp":"2026-01-01T10:20:30Z","level":"info","service":"risk","event":"started"}')
    pipe.line("risk", '{"timestamp":"2026-01-01T10:20:30Z","level":"warning","service":"risk","event":"bus_lost"}')
    assert output.getvalue() == "10:20:30 risk         WARNING bus_lost\n"


# --- panel and summary ------------------------------------------------------------------------------------------------


def test_the_panel_shows_standing_positions_and_events() -> None:
    console = Console(file=io.StringIO(), width=140, height=40, force_terminal=True, color_system=None)
    screen = LiveScreen(console, "heatsink · test", sizes=True)
    try:
        for message in samples():
            screen.message(message)
        console.print(screen.drawn(activity_of_samples(), idle_supervisor(), 12.0))
    finally:
        screen.close()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("NAV $200,000", "heat 0.16 % of 8 %", "Majors", "0.26041", "TRIM", "market 2022-11-01", "12 s"):
        assert part in text


def test_a_picture_of_the_panel_asks_nothing_of_other_hosts(tmp_path: Path) -> None:
    screen = PictureScreen(tmp_path / "up.svg", "heatsink · test")
    screen.tick(activity_of_samples(), idle_supervisor(), 12.0)
    screen.close()
    svg = (tmp_path / "up.svg").read_text()
    assert "NAV" in svg
    assert "@font-face" not in svg
    assert "@import" not in svg


def test_the_summary_counts_verdicts_rules_fills_and_the_first_decision() -> None:
    rows = dict(summary_rows(activity_of_samples(), 61.0, {"sizing": 2, "risk": 1}))
    assert rows["ran"].startswith("1 min 1 s")
    assert rows["verdicts"] == "1: approve 0, trim 1, reject 0"
    assert rows["bound by"] == "sector_cap 1"
    assert rows["fills"] == "1, fees $6.36"
    assert rows["NAV"] == "$200,000 (+0.00 %), drawdown 0.00 %"
    assert rows["heat"] == "0.16 % of 8 %, at most 0.16 %"
    assert rows["restarts"] == "3: sizing 2, risk 1"
    assert rows["first decision"] == "3.5 s after the services' start"
    assert rows["refused"].startswith("1 message that")


def test_many_pairs_that_are_off_are_counted_and_few_are_named() -> None:
    activity = Activity()
    for name in ("BNB", "SOL"):
        activity.take(PairListed(**header(name), symbol=f"{name}/USDT", status="halted"), now=1.0)
    assert dict(summary_rows(activity, 1.0, {}))["pairs off"] == "BNB/USDT (halted), SOL/USDT (halted)"
    for name in ("ADA", "XRP", "DOT", "UNI"):
        activity.take(PairListed(**header(name), symbol=f"{name}/USDT", status="halted"), now=1.0)
    assert dict(summary_rows(activity, 1.0, {}))["pairs off"] == "6 (BNB, SOL, ADA, ...)"


def test_the_halt_until_the_exchange_is_heard_is_no_warning_for_people() -> None:
    output = io.StringIO()
    pipe = LogPipe(output, readable=False)
    halted = '{"level":"warning","event":"halted","trace":"TRACE","evidence":"EVIDENCE"}'
    resumed = '{"level":"warning","event":"resumed","trace":"TRACE"}'
    for line in (halted.replace("EVIDENCE", "not heard yet"), resumed):
        pipe.line("risk", line.replace("TRACE", "t-1"))
    assert output.getvalue() == ""
    for line in (halted, resumed):
        pipe.line("risk", line.replace("TRACE", "t-2"))
    assert len(output.getvalue().splitlines()) == 2


def test_the_summary_of_a_run_in_which_nothing_happened_is_complete() -> None:
    text = summary_text(summary_rows(Activity(), 1.0, {}))
    assert "no snapshot of the portfolio came" in text
    assert "first decision  none" in text


def test_heat_in_the_summary_is_the_highest_that_was_seen() -> None:
    activity = activity_of_samples()
    assert activity.state.portfolio is not None
    cooler = msgspec.structs.replace(activity.state.portfolio, heat=0.0004)
    assert isinstance(cooler, PortfolioMarked)
    activity.take(cooler, now=104.0)
    assert dict(summary_rows(activity, 5.0, {}))["heat"] == "0.04 % of 8 %, at most 0.16 %"


def test_a_run_that_only_waited_for_the_exchange_has_nothing_halted_in_its_summary() -> None:
    activity = Activity()
    awaited = {"trigger": "feed", "evidence": "not heard yet", "cleared_by": "condition"}
    activity.take(Halted(**header("h"), **awaited), now=1.0)  # type: ignore[arg-type]
    rows = dict(summary_rows(activity, 1.0, {}))
    assert rows["waiting"].startswith("for the exchange")
    assert "halted" not in rows
