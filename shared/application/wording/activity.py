"""A run in lines: which messages are worth one, one line of sizes for each bar, the present state, the counts."""

from collections import Counter

from shared.application.projection import Counts, Projection
from shared.application.wording.formats import base, clock, count, percent, scope, some, usd
from shared.application.wording.portfolio_lines import heat_text
from shared.domain.safe_text import safe
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DEAD, FEEDS, HALTS, SET_ASIDE
from shared.messages.halts import Halted
from shared.messages.market import PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed
from shared.messages.signals import PositionSized

NOT_YET_CONNECTED = "waiting for the exchange: nothing was heard of it yet"
OFF_TOLD = 5
SCOPES_TOLD = 8
# All that stands on the streams that operators read, whatever kinds of messages they come to have, and trades.
TOLD: tuple[type[Message], ...] = (
    *(kind for topic in (FEEDS, HALTS, AUDIT, DEAD, SET_ASIDE) for kind in topic.messages),
    OrderProposed,
    OrderDecided,
    OrderFilled,
)


def has_line(message: Message) -> bool:
    """Whether the message is worth a line of its own."""
    if isinstance(message, OrderClosed):
        return message.ending != "filled"
    if isinstance(message, PairListed):
        return message.status not in ("trading", "unlisted")  # a pair that never was there is counted, not announced
    return isinstance(message, TOLD)


class SizeGroups:
    """Makes one line a bar of the sizes, which come for every pair on every bar."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[int, list[PositionSized]]] = {}

    def add(self, size: PositionSized) -> str | None:
        """Take in a size; returns the line of the group that it ends, if it begins the next bar."""
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
    why = ", ".join(f"{name} {number}" for name, number in Counter(size.binding for size in group).most_common())
    total = usd(sum(size.notional_usdt for size in group))
    pairs = count(len(group), "pair")
    text = f"{pairs} on the {last.timeframe} bar, {total} in all; set by {why}"
    return f"{clock(last.time_ns)}  {'sized':<9} {safe(text)}"


def status_line(state: Projection, counts: Counts, *, seconds: float, restarts: int) -> str:
    """One line that says how things stand, so many wall seconds after the start."""
    portfolio = state.portfolio
    figures = (
        f"NAV {usd(portfolio.nav)} · {heat_text(portfolio)}"
        f" · used {percent(portfolio.utilisation, 1)} · drawdown {percent(portfolio.drawdown)}"
        if portfolio
        else "no portfolio yet"
    )
    market = clock(state.market_ns) if state.market_ns else "no market yet"
    parts = [f"[{seconds:.0f} s] {market}", figures, counts_line(counts)]
    if restarts:
        parts.append(f"restarts {restarts}")
    if state.is_not_yet_connected:
        parts.append("waiting for the exchange")
    if halted := halted_scopes(state):
        parts.append(f"HALTED: {halted}")
    if state.feeds_down:
        parts.append(f"feeds lost: {len(state.feeds_down)}")
    return safe(" · ".join(parts))


def counts_line(counts: Counts) -> str:
    """What was counted so far."""
    bars = f"bars {counts.bars:,} (+{counts.backfilled:,} of history)"
    sizes, proposals = counts.of(PositionSized), counts.proposals
    verdicts = verdicts_text(counts.decisions)
    return f"{bars} · sizes {sizes:,} · proposals {proposals:,} · {verdicts} · fills {counts.fills.total():,}"


def verdicts_text(decisions: Counter[str]) -> str:
    """``approve 12, trim 3, reject 40``"""
    return ", ".join(f"{kind} {decisions[kind]:,}" for kind in ("approve", "trim", "reject"))


def halted_scopes(state: Projection) -> str:
    """What is halted now, each pair once; empty when nothing is."""
    scopes = dict.fromkeys(halt.symbol or "portfolio" for halt in state.active_halts)
    more = f" and {len(scopes) - SCOPES_TOLD} more" if len(scopes) > SCOPES_TOLD else ""
    return ", ".join(list(scopes)[:SCOPES_TOLD]) + more


def halted_scope(halt: Halted) -> str:
    """The pair or the portfolio; with the mode where it is not the usual one."""
    return scope(halt.symbol) if halt.mode == "halted" else f"{scope(halt.symbol)} ({halt.mode})"


def pairs_off(state: Projection) -> str:
    """``35 (BNB, SOL, ADA, ...)``; where there are few, with what is wrong with each."""
    if len(state.off_pairs) <= OFF_TOLD:
        return ", ".join(f"{pair} ({listed.status})" for pair, listed in state.off_pairs.items())
    return some([base(pair) for pair in state.off_pairs])
