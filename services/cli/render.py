"""Text and tables from a watch's tally, for every kind of output."""

from collections import Counter

from services.cli.watch import Tally
from shared.application.wording.formats import base, clock, percent, some, usd
from shared.messages.base import Message
from shared.messages.control import MessageRefused
from shared.messages.market import FeedLost, FeedRestored, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import (
    Alerted,
    CommandRefused,
    Halted,
    LimitsChanged,
    PhaseChanged,
    PhaseProposed,
    ResumeAsked,
    Resumed,
)
from shared.messages.signals import PositionSized

OFF_TOLD = 5
TOLD = (
    OrderProposed,
    OrderDecided,
    OrderFilled,
    Halted,
    Resumed,
    FeedLost,
    FeedRestored,
    MessageRefused,
    LimitsChanged,
    PhaseProposed,
    PhaseChanged,
    CommandRefused,
    ResumeAsked,
    Alerted,
)


def is_told(message: Message) -> bool:
    """Whether the message is worth a line of its own on the screen."""
    if isinstance(message, OrderClosed):
        return message.ending != "filled"
    if isinstance(message, PairListed):
        return message.status != "trading"
    return isinstance(message, TOLD)


class SizeGroups:
    """Sizes come for every pair on every bar: told as one line a bar."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[int, list[PositionSized]]] = {}

    def add(self, size: PositionSized) -> str | None:
        """Take a size in; gives the line of the group that it ends, if it begins the next bar."""
        opened, group = self._groups.get(size.timeframe, (size.bar_open_time_ns, []))
        line = None
        if opened != size.bar_open_time_ns:
            line = _group_line(group)
            opened, group = size.bar_open_time_ns, []
        group.append(size)
        self._groups[size.timeframe] = (opened, group)
        return line

    def flush(self) -> list[str]:
        """The lines of all groups so far."""
        lines = [_group_line(group) for _, group in self._groups.values() if group]
        self._groups.clear()
        return lines


def _group_line(group: list[PositionSized]) -> str:
    last = group[-1]
    why = ", ".join(f"{name} {count}" for name, count in Counter(size.binding for size in group).most_common())
    total = usd(sum(size.notional_usdt for size in group))
    pairs = f"{len(group)} pair{'s' * (len(group) != 1)}"
    return f"{clock(last.time_ns)}  {'sized':<9} {pairs} on the {last.timeframe} bar, {total} in all; set by {why}"


def status_line(tally: Tally, seconds: float, restarts: int) -> str:
    """One line that says how things stand."""
    portfolio = tally.portfolio
    standing = (
        f"NAV {usd(portfolio.nav)} · heat {percent(portfolio.heat)} of {percent(portfolio.heat_limit, 0)}"
        f" · used {percent(portfolio.utilisation, 1)} · drawdown {percent(portfolio.drawdown)}"
        if portfolio
        else "no portfolio yet"
    )
    market = clock(tally.market_ns) if tally.market_ns else "no market yet"
    parts = [f"[{seconds:.0f} s] {market}", standing, counts_line(tally)]
    if restarts:
        parts.append(f"restarts {restarts}")
    if tally.is_waiting:
        parts.append("waiting for the exchange")
    if tally.halted:
        parts.append(f"HALTED: {tally.halted}")
    if tally.feeds_down:
        parts.append(f"feeds lost: {len(tally.feeds_down)}")
    return " · ".join(parts)


def counts_line(tally: Tally) -> str:
    verdicts = ", ".join(f"{kind} {tally.verdicts[kind]:,}" for kind in ("approve", "trim", "reject"))
    bars = f"bars {tally.bars:,} (+{tally.backfilled:,} of history)"
    return f"{bars} · sizes {tally.sizes:,} · proposals {tally.proposals:,} · {verdicts} · fills {tally.fills:,}"


def pairs_off(tally: Tally) -> str:
    """``35 (BNB, SOL, ADA, ...)``; a few with what is the matter."""
    if len(tally.off_pairs) <= OFF_TOLD:
        return ", ".join(f"{pair} ({listed.status})" for pair, listed in tally.off_pairs.items())
    return some([base(pair) for pair in tally.off_pairs])
