"""The panel of ``heatsink up``: live on a terminal, or drawn once as a picture for the documents."""

import io
import re
from collections import deque
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.text import Text

from services.cli.printing import SafeConsole, SafeTable
from services.cli.up.supervisor import Child, Supervisor
from services.cli.views.tables import positions_table, sizes_table
from shared.application.monitor import Activity
from shared.application.projection import Projection
from shared.application.wording.activity import (
    NOT_YET_CONNECTED,
    SizeGroups,
    counts_line,
    halted_scope,
    has_line,
    pairs_off,
)
from shared.application.wording.formats import clock, count, percent, rehearsed, share, usd
from shared.application.wording.one_line import event_line
from shared.application.wording.portfolio_lines import heat_text
from shared.domain.safe_text import safe
from shared.messages.base import Message
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from shared.runtime.unread_output import UnreadOutput

EVENTS_KEPT = 50
HALTS_SHOWN = 4
OTHER_LINES = 9  # borders, figures, children, some trouble
PICTURE_COLUMNS, PICTURE_LINES = 124, 40
_COLOURS = {"APPROVE": "green", "TRIM": "yellow", "REJECT": "red", "filled": "cyan", "HALTED": "bold red"}


class Panels:
    """Draws the panel for a console of a certain height. sizes: the panel has a table of all sizes."""

    def __init__(self, console: Console, title: str, *, sizes: bool = False) -> None:
        self.console = console
        self._title, self._with_sizes = title, sizes
        self._events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self._sizes = SizeGroups()

    def message(self, message: Message) -> None:
        if isinstance(message, PositionSized):
            if line := self._sizes.add(message):
                self._events.append(line)
        elif has_line(message):
            self._events.append(event_line(message))

    def drawn(self, activity: Activity, supervisor: Supervisor, seconds: float) -> RenderableType:
        state = activity.state
        market = clock(state.market_ns) if state.market_ns else "waiting for the market"
        parts: list[RenderableType] = [_portfolio_text(state.portfolio), Text(counts_line(activity.counts))]
        parts.append(_children(supervisor))
        parts += [Text(NOT_YET_CONNECTED, style="yellow")] if state.is_not_yet_connected else []
        parts += [Text(safe(line), style="bold red") for line in _troubles(state)]
        room = self.console.height - OTHER_LINES
        if state.portfolio and state.portfolio.positions:
            shown = min(len(state.portfolio.positions), max(3, room // 2))
            parts.append(positions_table(state.portfolio, shown))
            room -= shown + 2
        if self._with_sizes and state.latest_sizes:
            parts.append(sizes_table(state.latest_sizes))
            room -= len(state.latest_sizes) + 1
        parts += [_event_text(line) for line in list(self._events)[-max(3, room) :]]
        title = Text(f"{safe(self._title)} · market {market} · {seconds:.0f} s")
        return Panel(Group(*parts), title=title, title_align="left", subtitle="Ctrl-C ends", subtitle_align="right")


class LiveScreen(Panels):
    """Redraws the panel in place, while log lines scroll above it."""

    def __init__(self, console: Console, title: str, *, sizes: bool = False) -> None:
        super().__init__(console, title, sizes=sizes)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()

    def tick(self, activity: Activity, supervisor: Supervisor, seconds: float) -> None:
        if isinstance(self.console.file, UnreadOutput) and self.console.file.is_behind:
            return  # a terminal that was stopped (Ctrl-S) gets the panel as it is when it goes on
        self._live.update(self.drawn(activity, supervisor, seconds), refresh=True)

    def say(self, text: str) -> None:
        self.console.print(text)

    def close(self) -> None:
        self._live.stop()


class PictureScreen(Panels):
    """Shows nothing while it runs, and leaves the last panel as an SVG."""

    def __init__(self, path: Path, title: str) -> None:
        console = SafeConsole(record=True, file=io.StringIO(), width=PICTURE_COLUMNS, height=PICTURE_LINES)
        super().__init__(console, title)
        self._path = path
        self._last: RenderableType = Text("nothing happened")

    def tick(self, activity: Activity, supervisor: Supervisor, seconds: float) -> None:
        self._last = self.drawn(activity, supervisor, seconds)

    def say(self, text: str) -> None:
        pass

    def close(self) -> None:
        self.console.print(self._last)
        svg = self.console.export_svg(title="heatsink up")
        self._path.write_text(re.sub(r"@font-face\s*\{[^}]*\}", "", svg), encoding="utf-8")  # no fonts from elsewhere


def _portfolio_text(portfolio: PortfolioMarked | None) -> RenderableType:
    if portfolio is None:
        return Text("no portfolio yet", style="dim")
    used = min(1.0, share(portfolio.heat, portfolio.heat_limit))
    colour = "green" if used < 0.75 else "yellow" if used < 0.95 else "red"
    row = SafeTable.grid(padding=(0, 2))
    row.add_row(
        Text(f"NAV {usd(portfolio.nav)}", style="bold"),
        Text(heat_text(portfolio), style=colour),
        ProgressBar(total=1.0, completed=used, width=24, complete_style=colour, finished_style=colour),
        Text(f"used {percent(portfolio.utilisation, 1)}"),
        Text(f"drawdown {percent(portfolio.drawdown)}"),
        Text(safe(rehearsed(portfolio.phase, rehearsal=portfolio.rehearsal)), style="dim"),
    )
    return row


def _children(supervisor: Supervisor) -> Text:
    text = Text()
    for name, child in supervisor.children.items():
        text.append("● ", style="green" if child.running else "red")
        text.append(f"{name}{_restarted(child)}  ", style="dim")
    return text


def _restarted(child: Child) -> str:
    return f" (restarted {child.restarts}×)" if child.restarts else ""


def _troubles(state: Projection) -> list[str]:
    halts = state.active_halts
    lines = [f"halted: {halted_scope(halt)}: {halt.reason}" for halt in halts[:HALTS_SHOWN]]
    if len(halts) > HALTS_SHOWN:
        lines.append(f"and {len(halts) - HALTS_SHOWN} more halts")
    if lost := [f"{each.feed} {each.symbol}".strip() for each in state.feeds_down]:
        lines.append(f"{count(len(lost), 'feed')} lost: {', '.join(lost[:5])}")
    if state.off_pairs:
        lines.append(f"pairs off: {pairs_off(state)}")
    return lines


def _event_text(line: str) -> Text:
    word = line[21:].partition(" ")[0]
    return Text(line, style=_COLOURS.get(word, "default"), no_wrap=True, overflow="ellipsis")


class ConsoleStream(io.TextIOBase):
    """A text stream that prints above the panel: for log lines."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._rest = ""

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._console.print(Text.from_ansi(line))
        return len(text)
