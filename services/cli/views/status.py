"""What ``heatsink status`` and ``heatsink sizes`` print."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.printing import SafeTable, bare_table, json_text, plain_console, say
from services.cli.views.stack import server_text
from services.cli.views.tables import positions_table, sizes_table
from shared.application.projection import is_not_yet_connected
from shared.application.status import Status, as_object
from shared.application.wording.activity import NOT_YET_CONNECTED, halted_scope
from shared.application.wording.formats import clock, count, duration, percent, rehearsed, usd
from shared.application.wording.holdings import flaws
from shared.application.wording.portfolio_lines import heat_text
from shared.domain.timeframes import SECOND_NS
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from shared.runtime.health import is_alive

FEEDS_SHOWN = 10


def print_status(status: Status, *, as_json: bool) -> None:
    """Print where the stack is, its portfolio, what is wrong, and its services; or one JSON object."""
    if as_json:
        say(json_text(as_object(status)))
        return
    console = plain_console()
    stack = status.stack
    speed = f" at {status.clock.speed:g}x" if status.clock.speed != 1 else ""
    console.print(f"{server_text(stack)} · {stack.exchange}{speed} · market", end=" ", style="dim")
    console.print(clock(status.clock.now_ns()))
    if status.state.portfolio is None:
        console.print("No snapshot of the portfolio yet: the risk service has not run here.", style="yellow")
    else:
        _print_portfolio(console, status.state.portfolio, status.portfolio_age_seconds)
    _print_troubles(console, status)
    console.print(_services_table(status))


def _print_portfolio(console: Console, portfolio: PortfolioMarked, age_seconds: float) -> None:
    rows = SafeTable.grid(padding=(0, 3))
    near = portfolio.heat > 0.9 * portfolio.heat_limit
    heat = heat_text(portfolio).removeprefix("heat ")
    parts = f"open {percent(portfolio.heat_open)}, reserved {percent(portfolio.heat_reserved)}"
    rows.add_row("NAV", Text(usd(portfolio.nav), style="bold"), f"cash {usd(portfolio.cash)}")
    rows.add_row("heat", Text(heat, style="red" if near else "green"), parts)
    held = f"{count(len(portfolio.positions), 'position')}, {count(portfolio.open_orders, 'open order')}"
    rows.add_row("used", percent(portfolio.utilisation, 1), held)
    rows.add_row(
        "drawdown", percent(portfolio.drawdown), f"phase {rehearsed(portfolio.phase, rehearsal=portfolio.rehearsal)}"
    )
    rows.add_row("as of", clock(portfolio.time_ns), f"{duration(age_seconds)} ago")
    console.print(rows)
    if portfolio.positions:
        console.print(positions_table(portfolio))
    for flaw in flaws(portfolio):
        console.print(Text(flaw, style="yellow"))


def _print_troubles(console: Console, status: Status) -> None:
    if status.state.is_not_yet_connected:
        console.print(Text(NOT_YET_CONNECTED, style="yellow"))
    for halt in (each for each in status.halts if not is_not_yet_connected(each)):
        until = f" until {clock(halt.until_ns)}" if halt.until_ns else ""
        what = f"{halted_scope(halt)}{until}"
        console.print(Text(f"halted: {what}: {halt.reason}, by {halt.who}", style="bold red"))
    for feed in [each for each in status.lost_feeds if not is_not_yet_connected(each)][:FEEDS_SHOWN]:
        console.print(Text(f"feed lost: {feed.feed} {feed.symbol} {feed.reason}", style="red"))
    if status.oldest_mark:
        pair, age = status.oldest_mark.symbol, status.oldest_mark.age_seconds
        limit = status.stack.settings.plan.limits.mark_age_seconds
        text = f"{status.marks} marks, the oldest of {pair}, {duration(age)} old (limit {limit:g} s)"
        console.print(Text(text, style="red" if age > limit else "dim"))


def _services_table(status: Status) -> Table:
    table = bare_table("service", "state", "heartbeat", "behind", "facts")
    wall_ns = status.clock.wall_ns()
    for name, beat in sorted(status.beats.items()):
        alive = is_alive(beat, wall_ns)
        facts = "  ".join(f"{key} {value}" for key, value in beat.facts.items())
        age = (wall_ns - beat.beat_wall_ns) / SECOND_NS
        state = Text(beat.state if alive else "dead", style="green" if alive else "red")
        table.add_row(name, state, f"{duration(age)} ago", _behind(status, name), facts)
    if not status.beats:
        table.add_row("none", "", "", "", "no service has run here")
    return table


def _behind(status: Status, service: str) -> str:
    """How much the service has not read yet, over all streams that it reads."""
    mine = [reader for reader in status.readers if reader.group.partition(":")[0] == service]
    lag = sum(reader.lag or 0 for reader in mine)
    pending = sum(reader.pending for reader in mine)
    if not mine:
        return ""
    return f"{lag:,} entries" + (f", {pending:,} in work" if pending else "")


def print_sizes(sizes: Mapping[str, PositionSized], *, as_json: bool) -> None:
    """Print a table of all pairs, or one JSON object a line."""
    if as_json:
        for symbol in sorted(sizes):
            say(json_text(sizes[symbol]))
    else:
        plain_console().print(sizes_table(sizes))
