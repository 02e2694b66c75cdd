"""What ``heatsink status`` shows: read in one go, then printed."""

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.printing import json_text, plain_console
from services.cli.tables import bare_table, positions_table
from services.cli.views.stack import origin_text
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.inspect import Reader, readers, stored_records
from shared.application.projection import is_not_yet_connected
from shared.application.stack import StackLocator
from shared.application.wording.formats import clock, count, duration, percent, rehearsed, usd
from shared.application.wording.not_yet_connected import NOT_YET_CONNECTED, halted_scope
from shared.domain.risk.state.halts import HALT
from shared.domain.timeframes import SECOND_NS
from shared.messages.catalogue import FEEDS, PORTFOLIO
from shared.messages.market import FeedLost, FeedRestored
from shared.messages.portfolio import Halted, PortfolioMarked
from shared.ports.clock import Clock
from shared.runtime.health import Heartbeat, heartbeats, is_alive

PAGE = 2_000


@dataclass(slots=True)
class Standing:
    """ages in wall seconds. oldest_mark: pair and age of its mark. lags: of readers that are behind."""

    stack: StackLocator
    clock: Clock
    portfolio: PortfolioMarked | None = None
    portfolio_age_seconds: float = 0.0
    halts: list[Halted] = field(default_factory=list)
    lost_feeds: list[FeedLost] = field(default_factory=list)
    marks: int = 0
    oldest_mark: tuple[str, float] | None = None
    beats: dict[str, Heartbeat] = field(default_factory=dict)
    lags: list[Reader] = field(default_factory=list)


async def read_standing(stack: StackLocator) -> Standing:
    """Everything at once. Raises ``BusLostError``."""
    async with stack.bus() as bus:
        standing = Standing(stack, await stack.clock(bus))
        await _read_portfolio(bus, standing)
        await _read_feeds(bus, standing)
        standing.halts = await halts_in_force(bus)
        standing.beats = await heartbeats(bus)
        streams = [key for keys in stack.streams.values() for key in keys]
        standing.lags = await readers(bus, streams)
    return standing


async def _read_portfolio(bus: RedisBus, standing: Standing) -> None:
    latest = await bus.latest(bus.keys.of(PORTFOLIO))
    if latest and isinstance(latest[0], PortfolioMarked):
        standing.portfolio = latest[0]
        standing.portfolio_age_seconds = _age_seconds(standing.clock, latest[0].time_ns)


async def _read_feeds(bus: RedisBus, standing: Standing) -> None:
    ended: set[tuple[str, str]] = set()
    for message in await bus.latest(bus.keys.of(FEEDS), PAGE):  # newest first: the first word on a feed counts
        if isinstance(message, FeedLost | FeedRestored) and (message.feed, message.symbol) not in ended:
            ended.add((message.feed, message.symbol))
            if isinstance(message, FeedLost):
                standing.lost_feeds.append(message)
    marks = await bus.marks()
    standing.marks = len(marks)
    if marks:
        oldest = min(marks.values(), key=lambda mark: mark.time_ns)
        standing.oldest_mark = (oldest.symbol, _age_seconds(standing.clock, oldest.time_ns))


async def halts_in_force(bus: RedisBus) -> list[Halted]:
    """Every halt that was not ended yet, newest first."""
    halts = await stored_records(bus, "risk", HALT, Halted)
    return sorted(halts.values(), key=lambda halt: -halt.time_ns)


def _age_seconds(clock: Clock, time_ns: int) -> float:
    """Wall seconds since a market time."""
    return max(0.0, (clock.now_ns() - time_ns) / clock.speed / SECOND_NS)


# --- printing ---------------------------------------------------------------------------------------------------------


def print_standing(standing: Standing, *, as_json: bool) -> None:
    if as_json:
        print(json_text(_as_object(standing)))
        return
    console = plain_console()
    stack = standing.stack
    speed = f" at {standing.clock.speed:g}x" if standing.clock.speed != 1 else ""
    console.print(f"[dim]{stack.redis_url} (by {origin_text(stack)}) · {stack.exchange}{speed} · market[/dim]", end=" ")
    console.print(clock(standing.clock.now_ns()))
    _print_portfolio(console, standing)
    _print_troubles(console, standing)
    console.print(_services_table(standing))


def _print_portfolio(console: Console, standing: Standing) -> None:
    portfolio = standing.portfolio
    if portfolio is None:
        console.print("No snapshot of the portfolio yet: the risk service has not run here.", style="yellow")
        return
    rows = Table.grid(padding=(0, 3))
    near = portfolio.heat > 0.9 * portfolio.heat_limit
    heat = f"{percent(portfolio.heat)} of {percent(portfolio.heat_limit, 0)}"
    parts = f"open {percent(portfolio.heat_open)}, reserved {percent(portfolio.heat_reserved)}"
    rows.add_row("NAV", f"[bold]{usd(portfolio.nav)}[/bold]", f"cash {usd(portfolio.cash)}")
    rows.add_row("heat", Text(heat, style="red" if near else "green"), parts)
    held = f"{count(len(portfolio.positions), 'position')}, {count(portfolio.open_orders, 'open order')}"
    rows.add_row("used", percent(portfolio.utilisation, 1), held)
    rows.add_row(
        "drawdown", percent(portfolio.drawdown), f"phase {rehearsed(portfolio.phase, rehearsal=portfolio.rehearsal)}"
    )
    rows.add_row("as of", clock(portfolio.time_ns), f"{duration(standing.portfolio_age_seconds)} ago")
    console.print(rows)
    if portfolio.positions:
        console.print(positions_table(portfolio))


def _print_troubles(console: Console, standing: Standing) -> None:
    if any(is_not_yet_connected(each) for each in (*standing.halts, *standing.lost_feeds)):
        console.print(Text(NOT_YET_CONNECTED, style="yellow"))
    for halt in (each for each in standing.halts if not is_not_yet_connected(each)):
        until = f" until {clock(halt.until_ns)}" if halt.until_ns else ""
        what = f"{halted_scope(halt)}{until}"
        console.print(Text(f"halted: {what}: {halt.reason}, by {halt.who}", style="bold red"))
    for feed in [each for each in standing.lost_feeds if not is_not_yet_connected(each)][:10]:
        console.print(Text(f"feed lost: {feed.feed} {feed.symbol} {feed.reason}", style="red"))
    if standing.oldest_mark:
        pair, age = standing.oldest_mark
        limit = standing.stack.settings.plan.limits.mark_age_seconds
        text = f"{standing.marks} marks, the oldest of {pair}, {duration(age)} old (limit {limit:g} s)"
        console.print(Text(text, style="red" if age > limit else "dim"))


def _services_table(standing: Standing) -> Table:
    table = bare_table("service", "state", "heartbeat", "behind", "facts")
    wall_ns = standing.clock.wall_ns()
    for name, beat in sorted(standing.beats.items()):
        alive = is_alive(beat, wall_ns)
        facts = "  ".join(f"{key} {value}" for key, value in beat.facts.items())
        age = (wall_ns - beat.beat_wall_ns) / SECOND_NS
        state = Text(beat.state if alive else "dead", style="green" if alive else "red")
        table.add_row(name, state, f"{duration(age)} ago", _behind(standing, name), facts)
    if not standing.beats:
        table.add_row("none", "", "", "", "no service has run here")
    return table


def _behind(standing: Standing, service: str) -> str:
    mine = [reader for reader in standing.lags if reader.group.partition(":")[0] == service]
    lag = sum(reader.lag or 0 for reader in mine)
    pending = sum(reader.pending for reader in mine)
    if not mine:
        return ""
    return f"{lag:,} entries" + (f", {pending:,} in work" if pending else "")


def _as_object(standing: Standing) -> dict[str, object]:
    wall_ns = standing.clock.wall_ns()
    return {
        "redis_url": standing.stack.redis_url,
        "exchange": standing.stack.exchange,
        "speed": standing.clock.speed,
        "market_ns": standing.clock.now_ns(),
        "portfolio": standing.portfolio,
        "portfolio_age_seconds": standing.portfolio_age_seconds,
        "halts": standing.halts,
        "lost_feeds": standing.lost_feeds,
        "oldest_mark": standing.oldest_mark,
        "services": {
            name: {"alive": is_alive(beat, wall_ns), "state": beat.state, "pid": beat.pid, "facts": beat.facts}
            for name, beat in standing.beats.items()
        },
        "readers": [
            {"stream": reader.stream, "group": reader.group, "lag": reader.lag, "pending": reader.pending}
            for reader in standing.lags
        ],
    }
