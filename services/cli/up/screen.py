"""Where a running stack shows itself: as lines (here), or as a live panel on a terminal (``panel``).

Events of the market and the portfolio go to standard output, log lines of the processes to standard error. Log lines
below WARNING are left out unless ``--json-logs`` asks for all: the events say the same, in fewer words.
"""

import sys
from collections import deque
from typing import Any, Protocol, TextIO

import msgspec

from services.cli.up.processes import SERVER
from services.cli.up.supervisor import ChildEvent, Supervisor
from shared.application.monitor import Activity
from shared.application.wording.activity import SizeGroups, has_line, status_line
from shared.application.wording.one_line import event_line
from shared.domain.safe_text import safe, safe_json
from shared.messages.base import Message
from shared.messages.signals import PositionSized
from shared.runtime.logs import ReadableLines, get_logger

STATUS_SECONDS = 5.0
LINES_PER_SECOND = 20
SERVER_LINES_KEPT = 20
_LOUD = ("warning", "error", "critical")


class Screen(Protocol):
    """What a running stack shows itself on."""

    def message(self, message: Message) -> None:
        """Take in the next message of the stack."""
        ...

    def tick(self, activity: Activity, supervisor: Supervisor, seconds: float) -> None:
        """Show how things stand; called a few times a second."""
        ...

    def say(self, text: str) -> None:
        """Show a line of text."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


class LogPipe:
    """Passes the log lines of all children on to an output.

    all_levels: everything passes as it came; otherwise only warnings and errors do.
    readable: what passes is written for people; otherwise it stays JSON.
    last_errors: the last error that each child told, by its name.
    """

    def __init__(self, output: TextIO, *, all_levels: bool = False, readable: bool = True) -> None:
        self._output, self._all_levels = output, all_levels
        self._render = ReadableLines(colours=output.isatty()) if readable else None
        self._server_output: deque[str] = deque(maxlen=SERVER_LINES_KEPT)
        self.last_errors: dict[str, str] = {}
        self._awaited: set[str] = set()
        self._log = get_logger()

    def line(self, name: str, line: str) -> None:
        event = _parsed(line)
        if error := _error_in(line, event):
            self.last_errors[name] = error
        if name == SERVER:  # it has its own form; worth reading only when it died
            self._server_output.append(line)
            return
        if event is None:
            self._log.warning("output", service=name, line=line)
        elif self._all_levels or (event.get("level") in _LOUD and not self._is_only_waiting(event)):
            print(self._render(None, "", event) if self._render else safe_json(line), file=self._output, flush=True)

    def _is_only_waiting(self, event: dict[str, Any]) -> bool:
        """The halt until the exchange is heard for the first time, and its end: nobody has to act on them."""
        trace = str(event.get("trace"))
        if event.get("event") == "halted" and event.get("awaited"):
            self._awaited.add(trace)
            return True
        return event.get("event") == "resumed" and trace in self._awaited

    def event(self, event: ChildEvent) -> None:
        child = event.child
        match event.kind:
            case "started":
                self._log.info("child_started", child=child.spec.name, pid=child.pid, restarts=child.restarts)
            case "died":
                self._log.warning(
                    "child_died",
                    child=child.spec.name,
                    exit_code=child.exit_code,
                    restart_in_seconds=event.delay_seconds,
                    restarts=child.restarts,
                )
                self._log_server_output(child.spec.name)
            case "refused":
                self._log.error("child_refused", child=child.spec.name, exit_code=child.exit_code)
            case "hung":
                reason = "it did not beat any more, and is started again"
                self._log.warning("child_hung", child=child.spec.name, pid=child.pid, reason=reason)
            case "left":
                reason = "it hung too often and is left as it is: look at its log, then kill the process"
                self._log.error("child_hung", child=child.spec.name, pid=child.pid, reason=reason)
            case _:
                self._log.warning("child_killed", child=child.spec.name, reason="it did not end when asked to")

    def _log_server_output(self, name: str) -> None:
        if name == SERVER:
            for line in self._server_output:
                self._log.warning("output", service=name, line=line)
            self._server_output.clear()


def _error_in(line: str, event: dict[str, Any] | None) -> str:
    """What a line says of an error; of a traceback the last line stays. Empty for a line that tells none."""
    if event is None:
        return line.strip()
    if event.get("level") not in _LOUD[1:]:
        return ""
    return str(event.get("error") or event.get("faults") or event.get("reason") or event.get("event", ""))


def _parsed(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _status(activity: Activity, supervisor: Supervisor, seconds: float) -> str:
    return status_line(activity.state, activity.counts, seconds=seconds, restarts=supervisor.restarts)


class LineScreen:
    """Shows one line an event, at most ``LINES_PER_SECOND``, and a status line every few seconds.

    quiet: it shows neither.
    """

    def __init__(self, output: TextIO | None = None, *, quiet: bool = False) -> None:
        self._output = output or sys.stdout
        self._quiet = quiet
        self._sizes = SizeGroups()
        self._left = LINES_PER_SECOND
        self._unshown = 0
        self._second = 0
        self._status_due = STATUS_SECONDS

    def message(self, message: Message) -> None:
        if self._quiet:
            return
        if isinstance(message, PositionSized):
            if line := self._sizes.add(message):
                self._say_within_limit(line)
        elif has_line(message):
            self._say_within_limit(event_line(message))

    def _say_within_limit(self, line: str) -> None:
        if self._left > 0:
            self._left -= 1
            self.say(line)
        else:
            self._unshown += 1

    def tick(self, activity: Activity, supervisor: Supervisor, seconds: float) -> None:
        if self._quiet:
            return
        if int(seconds) != self._second:
            self._second, self._left = int(seconds), LINES_PER_SECOND
        if seconds >= self._status_due:
            self._status_due = seconds + STATUS_SECONDS
            for line in self._sizes.flush():
                self._say_within_limit(line)
            more = f" · {self._unshown:,} lines not shown" if self._unshown else ""
            self._unshown = 0
            self.say(_status(activity, supervisor, seconds) + more)

    def say(self, text: str) -> None:
        print(safe(text), file=self._output, flush=True)

    def close(self) -> None:
        pass


class LogScreen:
    """Shows nothing but log lines (``--json-logs``): the services' own, and the stack's status now and then."""

    def __init__(self) -> None:
        self._log = get_logger()
        self._status_due = STATUS_SECONDS

    def message(self, message: Message) -> None:
        pass

    def tick(self, activity: Activity, supervisor: Supervisor, seconds: float) -> None:
        if seconds >= self._status_due:
            self._status_due = seconds + STATUS_SECONDS
            self._log.info("status", text=_status(activity, supervisor, seconds))

    def say(self, text: str) -> None:
        self._log.info("said", text=text)

    def close(self) -> None:
        pass
