"""Whoever watches a stack, in words, figures or panels, takes whatever can be read."""

import io

import msgspec
import pytest
from rich.console import Console

from services.cli.up.panel import Panels
from services.cli.up.summary import summary_lines, summary_rows
from services.ops.figures import Figures
from services.ops.metrics import exposed
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.application.monitor import Activity, Monitor
from shared.application.wording.activity import status_line
from shared.application.wording.one_line import event_line
from shared.messages.base import Message
from shared.messages.catalogue import PROPOSED, TOPIC_OF
from shared.messages.halts import Halted
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from tests.cli.up.activities import idle_supervisor
from tests.domain.test_takes_any_extreme import known
from tests.extremes import extremes
from tests.keys import MAIN
from tests.samples import proposal
from tests.tables import sampled

DRAWN = (PortfolioMarked, PositionSized, Halted)  # figure by figure


@pytest.mark.parametrize("kind", sampled(TOPIC_OF, every=3), ids=lambda kind: kind.__name__)
def test_every_message_with_every_field_at_its_extremes_can_be_told_counted_and_drawn(kind: type[Message]) -> None:
    activity, figures = Activity(), Figures(MemoryBus(MAIN), ManualClock())
    console = Console(file=io.StringIO(), width=100, height=40)
    panels = Panels(console, "a stack", sizes=True)
    for number, message in enumerate(extremes(kind, known())):
        activity.take(message, 1.0)
        figures.take(message)
        panels.message(message)
        event_line(message)
        status_line(activity.state, activity.counts, seconds=1.0, restarts=0)
        summary_lines(summary_rows(activity, 1.0, {}))
        if kind in DRAWN or number % 20 == 0:
            console.print(panels.drawn(activity, idle_supervisor(), 1.0))
    exposed(figures, {})
    msgspec.json.encode(list(figures.state.halts.values()))


async def test_a_message_that_cannot_be_shown_is_counted_and_the_next_one_is_shown() -> None:
    bus, shown = MemoryBus(MAIN), list[str]()

    def show(message: Message) -> None:
        if message.id == "o-1":
            raise IndexError("tuple index out of range")
        shown.append(message.id)

    monitor = Monitor(bus, {MAIN.of(PROPOSED): "0-0"}, show)
    await bus.publish([proposal("o-1"), proposal("o-2")])
    await monitor.drain()
    assert shown == ["o-2"]
    assert monitor.activity.counts.untold == {"OrderProposed": 1}
    assert "OrderProposed 1" in "\n".join(summary_lines(summary_rows(monitor.activity, 1.0, {})))
