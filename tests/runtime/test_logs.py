"""What a log line looks like, as JSON and for people, from our own code and from libraries."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog

from shared.runtime.logs import configure_logs, get_logger


class Terminal(io.StringIO):
    """Text output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def json_lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_is_json_with_the_fixed_fields_first() -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    log = get_logger().bind(trace="BTCUSDT-1h-1")
    log.warning("order_rejected", reason="no mark", order_id="o-1", symbol="BTC/USDT", quantity=Decimal("0.5"))
    (line,) = json_lines(output)
    assert list(line)[:7] == ["timestamp", "level", "service", "event", "trace", "symbol", "order_id"]
    assert line["level"] == "warning"
    assert line["service"] == "risk"
    assert line["quantity"] == "0.5"


def test_times_are_utc_in_iso_form() -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    get_logger().info("started")
    stamp = json_lines(output)[0]["timestamp"]
    assert stamp.endswith("Z")
    assert datetime.fromisoformat(stamp).utcoffset() == timedelta(0)


def test_what_is_below_the_level_is_not_written() -> None:
    output = io.StringIO()
    configure_logs("risk", level="warning", stream=output)
    get_logger().info("started")
    get_logger().error("failed")
    assert [line["event"] for line in json_lines(output)] == ["failed"]


def test_an_exception_becomes_two_short_fields_with_its_cause_and_place() -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    try:
        try:
            _fail()
        except KeyError as error:
            raise ValueError("bad\n  price") from error
    except ValueError:
        get_logger().exception("commit_failed")
    (line,) = json_lines(output)
    assert line["error"] == "ValueError: bad price <- KeyError: 'BTC/USDT'"
    assert line["at"].startswith("tests/runtime/test_logs.py:")
    assert line["at"].endswith("in test_an_exception_becomes_two_short_fields_with_its_cause_and_place")


def _fail() -> None:
    raise KeyError("BTC/USDT")


def test_the_one_error_of_a_task_group_is_shown_itself_and_several_are_listed() -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    get_logger().error("one", exc_info=ExceptionGroup("unhandled", [ValueError("bad price")]))
    get_logger().error("two", exc_info=ExceptionGroup("unhandled", [ValueError("bad price"), OSError("gone")]))
    one, two = json_lines(output)
    assert one["error"] == "ValueError: bad price"
    assert "[ValueError: bad price; OSError: gone]" in two["error"]


def test_a_very_long_error_is_cut() -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    get_logger().error("failed", exc_info=ValueError("x" * 10_000))
    assert len(json_lines(output)[0]["error"]) == 500


@pytest.mark.parametrize("value", ["\ud800", 2**70, object(), {1, 2}, b"\xff", {("a", "b"): 1}, float("nan")])
def test_a_value_that_json_does_not_know_still_makes_one_line(value: object) -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    get_logger().info("odd", value=value)
    (line,) = json_lines(output)
    assert line["event"] == "odd"


@pytest.mark.filterwarnings("default")
def test_libraries_come_through_at_warning_with_their_name() -> None:
    output = io.StringIO()
    configure_logs("market_data", stream=output)
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("ccxt").warning("slow %s", "reply")
    warnings.warn("old call", UserWarning, stacklevel=1)
    first, second = json_lines(output)
    assert (first["event"], first["library"], first["service"]) == ("slow reply", "ccxt", "market_data")
    assert second["library"] == "py.warnings"


def test_lines_for_people_appear_on_a_terminal() -> None:
    output = Terminal()
    configure_logs("risk", stream=output)
    get_logger().warning("feed_lost", symbol="BTC/USDT", feed="bars:1h", reason="no frame for 10 s")
    text = output.getvalue()
    assert "\x1b[33mWARNING\x1b[0m" in text
    assert "feed_lost" in text
    assert "BTC/USDT" in text


def test_readable_lines_have_no_colours_where_there_is_no_terminal() -> None:
    output = io.StringIO()
    configure_logs("risk", form="lines", stream=output)
    get_logger().warning("feed_lost", symbol="BTC/USDT", feed="bars:1h", reason="no frame for 10 s", age=1.25)
    line = output.getvalue().rstrip("\n")
    assert line[8:] == " risk         WARNING feed_lost BTC/USDT feed=bars:1h reason='no frame for 10 s' age=1.25"


def test_a_readable_exception_takes_two_more_lines() -> None:
    output = io.StringIO()
    configure_logs("risk", form="lines", stream=output)
    try:
        _fail()
    except KeyError:
        get_logger().exception("commit_failed")
    first, second, third = output.getvalue().splitlines()
    assert first.endswith("ERROR   commit_failed")
    assert second.strip() == "KeyError: 'BTC/USDT'"
    assert third.strip().startswith("at tests/runtime/test_logs.py:")


def test_context_of_the_task_is_on_every_line() -> None:
    output = io.StringIO()
    configure_logs("risk", stream=output)
    with structlog.contextvars.bound_contextvars(trace="t-1"):
        get_logger().info("inside")
    get_logger().info("outside")
    inside, outside = json_lines(output)
    assert inside["trace"] == "t-1"
    assert "trace" not in outside
