"""The portfolio, its halts, limits and phases, in one line a message."""

from collections.abc import Callable
from typing import Any

from shared.application.projection import is_not_yet_connected
from shared.application.wording.formats import clock, count, duration, percent, price, quantity, rehearsed, scope, usd
from shared.domain.timeframes import SECOND_NS
from shared.messages.base import Message
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.portfolio import (
    CommandRefused,
    LimitsChanged,
    OrderWrittenOff,
    PhaseChanged,
    PhaseProposed,
    PortfolioMarked,
    PositionsImported,
    PositionWrittenOff,
)

MOST_NAMED = 5  # pairs in one line


def heat_text(message: PortfolioMarked) -> str:
    """Heat and its limit, and which part of it the next fills will take off."""
    part = message.heat_stops_hit
    hit = f" ({percent(part)} of it: stop hit, fill not yet heard)" if part else ""
    return f"heat {percent(message.heat)} of {percent(message.heat_limit, 0)}{hit}"


def _portfolio(message: PortfolioMarked) -> tuple[str, str]:
    unpriced = f" · no price of {', '.join(message.unpriced)}" if message.unpriced else ""
    return "portfolio", (
        f"NAV {usd(message.nav)} · {heat_text(message)} "
        f"· used {percent(message.utilisation, 1)} · drawdown {percent(message.drawdown)} "
        f"· {count(len(message.positions), 'position')}, {count(message.open_orders, 'open order')} "
        f"· {rehearsed(message.phase, rehearsal=message.rehearsal)}{unpriced}"
    )


def _halted(message: Halted) -> tuple[str, str]:
    if is_not_yet_connected(message):
        return "waiting", f"for the exchange: no new risk in {scope(message.symbol)} until it is heard"
    until = f" until {clock(message.until_ns)}" if message.until_ns else ""
    evidence = f" · {message.evidence}" if message.evidence else ""
    return "HALTED", f"{scope(message.symbol)} ({message.mode}){until}: {message.reason}, by {message.who}{evidence}"


def _resumed(message: Resumed) -> tuple[str, str]:
    why = f": {message.reason}" if message.reason else ""
    halted_by = f" ({message.trigger})" if message.trigger != "operator" else ""
    after = duration(message.held_ns / SECOND_NS)
    return "resumed", f"{scope(message.symbol)}{halted_by} after {after}{why}, by {message.who}"


def _resume_asked(message: ResumeAsked) -> tuple[str, str]:
    until = f" before {clock(message.until_ns)}" if message.until_ns else ""
    what = f"{scope(message.symbol)} ({message.trigger})"
    return "CONFIRM", f"resume {what} once more with the code {message.confirm}{until}, asked by {message.who}"


def _alerted(message: Alerted) -> tuple[str, str]:
    evidence = f" · {message.evidence}" if message.evidence else ""
    return "ALERT", f"{scope(message.symbol)}: {message.reason}{evidence}"


def _limits(message: LimitsChanged) -> tuple[str, str]:
    changes = ", ".join(f"{name} {message.old.get(name, 0):g} -> {value:g}" for name, value in message.new.items())
    over = f"; over it already: {'; '.join(message.over)}" if message.over else ""
    return "LIMITS", f"{changes}: {message.reason}, by {message.who}; policy {message.policy}{over}"


def _phase(message: PhaseChanged) -> tuple[str, str]:
    after = rehearsed(message.phase, rehearsal=message.rehearsal)
    text = f"{message.phase_before} -> {after}, scale {message.scale:g}: {message.reason}, by {message.who}"
    return "PHASE", f"{text} · {message.evidence}" if message.evidence else text


def _written_off(message: PositionWrittenOff) -> tuple[str, str]:
    what = f"{quantity(message.quantity)} {message.symbol} at {price(message.price)} = {usd(message.proceeds_usdt)}"
    paid = f"{usd(message.cost_usdt)} had been paid for it"
    return "WRITE-OFF", f"{what}, {paid}: {message.reason}, by {message.who}"


def _order_written_off(message: OrderWrittenOff) -> tuple[str, str]:
    what = f"{message.side} {quantity(message.quantity)} {message.symbol}, not filled ({message.order_id})"
    freed = f"{usd(message.risk_usdt)} of risk are free" + (f", {message.client} said nothing" * bool(message.client))
    return "WRITE-OFF", f"{what}, {freed}: {message.reason}, by {message.who}"


def _imported(message: PositionsImported) -> tuple[str, str]:
    held = ", ".join(f"{quantity(each.quantity)} {each.symbol}" for each in message.positions[:MOST_NAMED])
    more = len(message.positions) - MOST_NAMED
    what = (held or "cash") + (f" and {more} more" if more > 0 else "")
    nav = f"NAV {usd(message.nav_before)} -> {usd(message.nav)}, cash {usd(message.cash)}"
    heat = f"heat {percent(message.heat_before)} -> {percent(message.heat)}"
    over = f"; over the limits: {'; '.join(message.over)}" if message.over else ""
    return "IMPORT", f"{what}: {nav}, {heat}: {message.reason}, by {message.who}{over}"


PORTFOLIO_LINES: dict[type[Message], Callable[[Any], tuple[str, str]]] = {
    PortfolioMarked: _portfolio,
    Halted: _halted,
    Resumed: _resumed,
    ResumeAsked: _resume_asked,
    Alerted: _alerted,
    LimitsChanged: _limits,
    PhaseProposed: lambda m: ("PROPOSED", f"phase {m.to_phase} after {m.phase}: {m.evidence}"),
    PhaseChanged: _phase,
    PositionWrittenOff: _written_off,
    OrderWrittenOff: _order_written_off,
    PositionsImported: _imported,
    CommandRefused: lambda m: ("REFUSED", f"{m.command} of {m.who}: {m.reason}"),
}
