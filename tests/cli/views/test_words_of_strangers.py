"""Whatever stands in a text of a message: no view of it moves a cursor, forges a line, or hides what it is."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from services.cli.doctor.findings import Finding, print_findings
from services.cli.failing import explained
from services.cli.printing import SafeConsole, bare_table, json_text, say
from services.cli.up.panel import Panels
from services.cli.up.screen import LineScreen, LogPipe
from services.cli.up.summary import summary_lines, summary_rows
from services.cli.views.answers import RefusedError, print_answers, print_halts_to_end, print_holdings, print_outcomes
from services.cli.views.limits import print_limits
from services.cli.views.order import print_order
from services.cli.views.phase import print_phase
from services.cli.views.room import NoRoomError, print_rooms, print_shadow
from services.cli.views.status import print_sizes, print_status
from services.cli.views.tail import _line
from services.ops import json_answers
from services.ops.figures import Figures
from services.ops.metrics import exposed
from shared.adapters.clocks import ManualClock
from shared.adapters.klines.columns import RecordingError
from shared.adapters.memory_bus import MemoryBus
from shared.application.errors import UserError
from shared.application.limits import LimitsReport
from shared.application.monitor import Activity
from shared.application.order_report import OrderReport
from shared.application.phase import PhaseReport
from shared.application.projection import Projection
from shared.application.stack import find_stack
from shared.application.status import OldestMark, Status
from shared.application.tail import Unreadable
from shared.application.wording.activity import status_line
from shared.application.wording.one_line import event_line
from shared.application.wording.orders import room_text
from shared.config.faults import ConfigError, Fault
from shared.domain.active_limits import ActiveLimits
from shared.domain.risk.ramp.history import PhaseStep
from shared.domain.safe_text import safe
from shared.messages.ask import RoomAnswered, ShadowCounted
from shared.messages.base import Message
from shared.messages.halts import Halted
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderPlaced
from shared.messages.portfolio import LimitsChanged, PhaseChanged, PortfolioMarked
from shared.messages.reports import ReportAwaited
from shared.messages.signals import PositionSized
from shared.ports.bus import Heartbeat
from shared.ports.errors import BusLostError
from shared.runtime.logs import ReadableLines, configure_logs, get_logger
from tests.cli.up.activities import idle_supervisor
from tests.extremes import samples_of
from tests.hostile_text import HALF, HOSTILE, hostile_forms, shows_nothing_hostile
from tests.keys import MAIN
from tests.samples import T0, decision, samples
from tests.tables import sampled

STACK = find_stack(redis_url="redis://127.0.0.1:1/0", config_dir=None, data_dir=Path("nowhere"), environ={})


def of(kind: type[Message]) -> Message:
    return samples_of(kind)[0]


def _status(message: Message) -> None:
    state = Projection()
    state.take(message)
    text = getattr(message, "symbol", "") or message.id
    beat = Heartbeat(service=text, pid=1, state=text, started_wall_ns=1, beat_wall_ns=1, facts={text: text})
    status = Status(STACK, ManualClock(T0), state, 1.0, 1, OldestMark(text, 2.0), {text: beat}, [])
    print_status(status, as_json=False)
    print_status(status, as_json=True)


def _order(message: Message) -> None:
    decided = message if isinstance(message, OrderDecided) else decision()
    after = (message,) if isinstance(message, OrderPlaced | OrderFilled | OrderClosed | ReportAwaited) else ()
    halt = message if isinstance(message, Halted) else None
    report = OrderReport(decided, after, sector=message.id, halt=halt)
    print_order(report, as_json=False)
    print_order(report, as_json=True)


def _answers(message: Message) -> None:
    with explained():
        print_answers([message])
    with explained():
        print_outcomes([decision("o-1"), message])
    if isinstance(message, Halted):
        print_halts_to_end([message])
    print_holdings(message if isinstance(message, PortfolioMarked) else None, ())


def _room(message: Message) -> None:
    if isinstance(message, RoomAnswered):
        for one in (False, True):
            with explained():
                print_rooms(message, STACK, one=one and len(message.rooms) == 1, as_json=False)
        print_rooms(message, STACK, one=False, as_json=True)
        for room in message.rooms:
            say(room_text(room, message.id))
    if isinstance(message, ShadowCounted):
        print_shadow(message, as_json=False)
        print_shadow(message, as_json=True)
    if isinstance(message, PositionSized):
        print_sizes({message.symbol: message}, as_json=False)
        print_sizes({message.symbol: message}, as_json=True)


def _phase(message: Message) -> None:
    if not isinstance(message, PortfolioMarked | PhaseChanged | LimitsChanged):
        return
    portfolio = message if isinstance(message, PortfolioMarked) else of(PortfolioMarked)
    assert isinstance(portfolio, PortfolioMarked)
    words = [str(getattr(message, name, "") or message.id) for name in ("who", "reason", "phase", "symbol", "trigger")]
    who, reason, phase, symbol, what = words
    step = PhaseStep(at_ns=T0, what=what, phase_before=symbol, phase=phase, who=who, reason=reason, answer=reason)
    refused = PhaseStep(at_ns=T0, what="refused", phase_before=symbol, phase=phase, who=who, answer=reason)
    for as_json in (False, True):
        print_phase(PhaseReport(portfolio, 1.0, [step, refused]), as_json=as_json)
        limits = STACK.settings.plan.limits
        stored = ActiveLimits(limits=limits, file_limits=limits, who=who, reason=reason, since_ns=T0)
        print_limits(LimitsReport(limits, limits, message.id, stored), as_json=as_json)


def _tail(message: Message) -> None:
    for as_json in (False, True):
        say(_line(message, as_json=as_json))
        say(_line(Unreadable(message.id, message.cause, message.trace), as_json=as_json))


def _up(message: Message) -> None:
    activity, console = Activity(), SafeConsole(width=124, height=40)
    panels, lines = Panels(console, message.id, sizes=True), LineScreen()
    for each in (message, *([message] if isinstance(message, PositionSized) else [])):
        activity.take(each, 1.0)
        panels.message(each)
        lines.message(each)
    console.print(panels.drawn(activity, idle_supervisor(), 1.0))
    lines.tick(activity, idle_supervisor(), 6.0)
    say(*summary_lines(summary_rows(activity, 1.0, {message.id: 1})))
    say(status_line(activity.state, activity.counts, seconds=1.0, restarts=0))


def _logs(message: Message) -> None:
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    for form in ("lines", "json"):
        out = io.StringIO()
        configure_logs("risk", form=form, stream=out)  # type: ignore[arg-type]
        error = ValueError(message.id, message.cause)
        get_logger().warning(message.trace, **fields, exc_info=error)
        told = out.getvalue().rstrip("\n")
        assert form == "lines" or "\n" not in told
        print(told)
        for readable in (True, False):
            passed = io.StringIO()
            pipe = LogPipe(passed, all_levels=True, readable=readable)
            pipe.line("risk", told.split("\n")[0])
            pipe.line("risk", message.id)
            print(passed.getvalue().rstrip("\n"))
    print(ReadableLines(colours=False)(None, "", {message.id: message.id, "event": message.cause, "service": "x"}))


def _ops(message: Message) -> None:
    figures = Figures(MemoryBus(MAIN), ManualClock(T0))
    figures.take(message)
    services = {message.id: {"alive": True}}
    print(exposed(figures, services).decode())
    print(json_answers.as_json({message.id: message, "counts": figures.state.halts.values()}).decode())


def _others(message: Message) -> None:
    print_findings([Finding("fail", message.id, message.cause, message.trace)])
    for error in (RefusedError(event_line(message)), NoRoomError(event_line(message)), BusLostError(message.id)):
        with explained():
            raise error


VIEWS: tuple[Callable[[Message], None], ...] = (
    _status,
    _order,
    _answers,
    _room,
    _phase,
    _tail,
    _up,
    _logs,
    _ops,
    _others,
)
KINDS = sorted({type(sample) for sample in samples()}, key=lambda kind: kind.__name__)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    yield
    configure_logs("tests", stream=io.StringIO())


@pytest.mark.parametrize("kind", sampled(KINDS, every=3), ids=lambda kind: kind.__name__)
def test_no_text_of_a_message_reaches_a_reader_raw(kind: type[Message], capsys: pytest.CaptureFixture[str]) -> None:
    tried = 0
    for sample in samples_of(kind):
        for message in hostile_forms(sample):
            tried += 1
            for view in VIEWS:
                with suppress(typer.Exit):
                    view(message)
                out, err = capsys.readouterr()
                assert shows_nothing_hostile(out), (view.__name__, message, out)
                assert shows_nothing_hostile(err), (view.__name__, message, err)
    assert tried >= 3, "id, cause and trace are anybody's at least"


@pytest.mark.parametrize("name", [*HOSTILE, "half letters"])
def test_text_that_is_no_message_is_made_safe_where_it_is_printed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HOSTILE.get(name, HALF)
    say(text, err=True)
    say(text, json_text({"path": text}))
    SafeConsole(width=300).print(text, Text(text, style="red"))
    SafeConsole(width=300).print(Panel(Group(Text(text)), title=Text(text)))
    table = bare_table("a", "b")
    table.add_row(text, Text(text))
    SafeConsole(width=600).print(table)
    for error in (
        UserError(safe(text)),
        RecordingError(text),
        BusLostError(text),
        ConfigError([Fault(text, *[text] * 4)]),
    ):
        with pytest.raises(typer.Exit), explained():
            raise error
    out, err = capsys.readouterr()
    assert shows_nothing_hostile(out), out
    assert shows_nothing_hostile(err), err
    (out + err).encode()


@given(st.text(st.characters()))
def test_safe_text_is_one_line_seen_whole_and_json_keeps_its_meaning(text: str) -> None:
    assert shows_nothing_hostile(f"x{safe(text)}")
    assert "\n" not in safe(text)
    assert safe(safe(text)) == safe(text)
    if text.isascii() and text.isprintable():
        assert safe(text) == text
    told = json_text({"text": text})
    assert shows_nothing_hostile(told)
    assert json.loads(told) == {"text": text}
