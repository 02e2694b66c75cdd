"""The lines of ``heatsink up``: events, the status line, and the log lines of its processes."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from services.cli.up.screen import LINES_PER_SECOND, LineScreen, LogPipe
from shared.application.monitor import Activity
from shared.runtime.logs import configure_logs
from tests.cli.up.activities import activity_of_samples, idle_supervisor
from tests.samples import proposal


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


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


def test_the_halt_until_the_exchange_is_heard_is_no_warning_for_people() -> None:
    output = io.StringIO()
    pipe = LogPipe(output, readable=False)
    halted = '{"level":"warning","event":"halted","trace":"TRACE","evidence":"not heard yet"}'
    resumed = '{"level":"warning","event":"resumed","trace":"TRACE"}'
    for line in (halted.replace("}", ',"awaited":true}'), resumed):
        pipe.line("risk", line.replace("TRACE", "t-1"))
    assert output.getvalue() == ""
    for line in (halted, resumed):
        pipe.line("risk", line.replace("TRACE", "t-2"))
    assert len(output.getvalue().splitlines()) == 2
