"""Logs: one line for an event that an operator would act on or audit. JSON, or readable lines on a terminal.

Fields with fixed names: ``service``, ``trace``, ``symbol``, ``order_id``. Event names are stable words in the past
tense (``feed_lost``), details go into further fields::

    log = get_logger()
    log.warning("feed_lost", symbol="BTC/USDT", feed="bars:1h", reason="no frame for 10 s")
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from shared.adapters.plain_amounts import json_bytes
from shared.domain.safe_text import safe, safe_json
from shared.runtime.unread_output import UnreadOutput

Form = Literal["auto", "json", "lines"]
Level = Literal["debug", "info", "warning", "error"]

FIRST_FIELDS = ("timestamp", "level", "service", "event", "trace", "symbol", "order_id")
FRAMES_SHOWN = 4
ERROR_LENGTH = 500
_ROOT = Path(__file__).parents[2]


def get_logger() -> FilteringBoundLogger:
    """The logger; bind what stays the same: ``get_logger().bind(symbol=...)``."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def configure_logs(service: str, *, level: Level = "info", form: Form = "auto", stream: TextIO | None = None) -> None:
    """Set up logging of this process, once. ``stream``: stderr unless given. ``auto``: lines on a terminal, else JSON.

    Libraries that use the standard library's logging (aiohttp, ccxt, asyncio) come through at WARNING and above.
    """
    output = stream or sys.stderr
    lines = form == "lines" or (form == "auto" and output.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Service(service),
        compact_exception,
    ]
    renderer: Processor = ReadableLines(colours=output.isatty()) if lines else json_line
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    if isinstance(output, UnreadOutput):
        output.note = _DroppedNote(service, renderer)
    foreign = logging.StreamHandler(output)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:2], structlog.stdlib.ExtraAdder(), _add_library, *shared[2:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            use_get_message=True,
        )
    )
    logging.basicConfig(handlers=[foreign], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


class _DroppedNote:
    """The log line that stands in place of those that nobody read."""

    def __init__(self, service: str, renderer: Processor) -> None:
        self._service, self._renderer = service, renderer
        self._told = structlog.processors.TimeStamper(fmt="iso", utc=True)

    def __call__(self, lines: int) -> str:
        event = {"level": "warning", "service": self._service, "event": "output_dropped", "lines": lines}
        text = self._renderer(None, "", self._told(None, "", {**event, "reason": "nobody read them in time"}))
        return f"{text!s}\n"


class _Service:
    """Adds the name of the process."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", self._service)
        return event


def _add_library(_logger: Any, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    if record is not None:
        event["library"] = record.name
    return event


def compact_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """``exc_info`` as two short fields: ``error`` (type and text of the causes) and ``at`` (the innermost frames)."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else (given if isinstance(given, tuple) else sys.exc_info())[1]
    if isinstance(error, BaseException):
        event["error"] = described_error(error)
        event["at"] = described_place(innermost(error).__traceback__)
    return event


def innermost(error: BaseException) -> BaseException:
    """The exception within groups that hold a single one, as task groups raise them."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The errors within groups, as task groups raise them."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from causes_of(each)
    else:
        yield error


def described_error(error: BaseException) -> str:
    """``ValueError: bad price <- KeyError: 'BTC/USDT'``: the error and what caused it, cut to one readable line."""
    parts: list[str] = []
    current: BaseException | None = innermost(error)
    while current is not None and len(parts) < 5:
        inner = ""
        if isinstance(current, BaseExceptionGroup):
            inner = " [" + "; ".join(described_error(each) for each in current.exceptions[:3]) + "]"
        text = " ".join(str(current).split())
        parts.append(f"{type(current).__name__}{': ' if text else ''}{text}{inner}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    line = " <- ".join(parts)
    return line if len(line) <= ERROR_LENGTH else line[: ERROR_LENGTH - 3] + "..."


def described_place(trace: TracebackType | None) -> str:
    """``shared/runtime/host/step.py:88 in step < services/risk/service.py:12 in run``: innermost frame first."""
    frames = traceback.extract_tb(trace)[-FRAMES_SHOWN:]
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in reversed(frames))


def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
        return str(path.relative_to(_ROOT))
    return "/".join(path.parts[-2:])


def json_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """One JSON object; the fields that every line has come first."""
    fields = ordered(event)
    try:
        return safe_json(json_bytes(fields).decode())
    except (TypeError, ValueError, OverflowError):  # lone surrogates, huge integers, odd keys: still one line
        return json.dumps(fields, default=str, skipkeys=True)


def ordered(event: MutableMapping[str, Any]) -> dict[str, Any]:
    first = {key: event[key] for key in FIRST_FIELDS if key in event}
    return first | {str(key): value for key, value in event.items() if key not in first}


_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


class ReadableLines:
    """``12:00:01 risk     WARNING feed_lost BTC/USDT feed=bars:1h``, in colours on a terminal."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        fields = dict(event)
        clock = safe(str(fields.pop("timestamp", ""))[11:19])
        level, service = safe(str(fields.pop("level", ""))), safe(str(fields.pop("service", "")))
        text = safe(str(fields.pop("event", "")))
        error, place = fields.pop("error", None), fields.pop("at", None)
        symbol = fields.pop("symbol", None)
        head = [
            self._paint(clock, "2"),
            self._paint(f"{service:<12}", "36"),
            self._level(level),
            self._paint(text, "1"),
        ]
        head += [safe(str(symbol))] if symbol else []
        head += [f"{self._paint(f'{safe(str(key))}=', '2')}{_plain(value)}" for key, value in fields.items()]
        tail = [f"\n{'':>21}{self._paint(safe(str(error)), '31')}"] if error else []
        tail += [f"\n{'':>21}{self._paint(safe(f'at {place}'), '2')}"] if place else []
        return " ".join(head) + "".join(tail)

    def _level(self, level: str) -> str:
        return self._paint(f"{level.upper():<7}", _COLOURS.get(level, "0"))

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:z.6g}"
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    return safe(repr(text) if " " in text else text)
