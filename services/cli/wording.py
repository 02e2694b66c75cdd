"""Messages in words: what ``up``, ``tail`` and ``why`` show of them. Amounts in USDT, times in UTC."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.domain.timeframes import SECOND_NS
from shared.messages.ask import RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.base import Message
from shared.messages.control import ApprovePhase, Flatten, Halt, MessageRefused, Resume, SetLimits, SetPhase
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    StopApproved,
    StopPlaced,
    StopRaised,
)
from shared.messages.portfolio import (
    Alerted,
    CommandRefused,
    Halted,
    LimitsChanged,
    PhaseChanged,
    PhaseProposed,
    PortfolioMarked,
    ResumeAsked,
    Resumed,
)
from shared.messages.signals import PositionSized, SignalRaised

LEAST_USD = 0.00005  # under it, four digits say nothing


def clock(time_ns: int) -> str:
    """``2022-11-01 14:00:00``, UTC."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def usd(amount: float | Decimal) -> str:
    """``$4,210`` from a thousand on, cents below, more digits where cents would say nothing. A zero has no sign."""
    size = abs(float(amount))
    digits = 0 if size >= 1000 else 4 if LEAST_USD <= size < 0.1 else 2
    text = f"{amount:z,.{digits}f}"
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def price(value: float | Decimal) -> str:
    """Six significant digits, without an exponent. What rounding left of a zero is a zero."""
    number = float(value)
    digits = max(0, 5 - _exponent(number)) if number else 0
    return _without_trailing_zeros(f"{number:z,.{min(digits, 12)}f}")


def _exponent(number: float) -> int:
    return int(f"{abs(number):e}".partition("e")[2])


def quantity(value: Decimal | float) -> str:
    """Base units without trailing zeros or exponent; what is only estimated, to the exchange's finest step."""
    return _without_trailing_zeros(f"{value:zf}" if isinstance(value, Decimal) else f"{value:z.8f}")


def _without_trailing_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: float, digits: int = 2, *, signed: bool = False) -> str:
    """``8.00 %``; signed: a gain has its plus."""
    return f"{fraction * 100:{'+' if signed else ''}z.{digits}f} %"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 10 or seconds == whole else f"{seconds:.1f} s"
    for size, name, smaller, smaller_name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{whole} s"


def base(symbol: str) -> str:
    """``ETH`` of ``ETH/USDT``."""
    return symbol.partition("/")[0]


def headline(message: Message) -> tuple[str, str]:
    """A message in two parts: a word of at most 9 letters, and the rest of the sentence."""
    writer = _WRITERS.get(type(message))
    return writer(message) if writer else (type(message).__name__, message.id)


def _verdict(message: OrderDecided) -> tuple[str, str]:
    wanted, given = quantity(message.quantity_requested), quantity(message.quantity_approved)
    heat = f"heat {percent(message.heat_before)} -> {percent(message.heat_after)}"
    match message.verdict:
        case "approve":
            text = f"{message.side} {given} {message.symbol} · {heat}"
        case "trim":
            text = f"{message.side} {wanted} -> {given} {message.symbol}: {message.reason} · {heat}"
        case _:
            text = f"{message.side} {wanted} {message.symbol}: {message.reason}"
    return message.verdict.upper(), f"{text} ({message.order_id})"


def _proposal(message: OrderProposed) -> tuple[str, str]:
    how = f"at {price(message.limit_price)}" if message.limit_price is not None else "at the market"
    stop = f", stop {price(message.stop_price)}" if message.stop_price is not None else ""
    wanted = f"{message.side} {quantity(message.quantity)} {message.symbol}"
    return "proposed", f"{wanted} {how}{stop}, by {message.strategy} ({message.id})"


def _fill(message: OrderFilled) -> tuple[str, str]:
    worth = usd(message.quantity * message.price)
    text = f"{message.side} {quantity(message.quantity)} {message.symbol} at {price(message.price)} = {worth}"
    return "filled", f"{text}, fee {usd(message.fee_usdt)} ({message.order_id})"


def _size(message: PositionSized) -> tuple[str, str]:
    if not message.quantity:
        return "sized", f"{message.symbol} {message.timeframe}: none, {message.binding}"
    size = f"{message.symbol} {message.timeframe}: {quantity(message.quantity)} = {usd(message.notional_usdt)}"
    basis = f"stop {price(message.stop_price)}, ATR {percent(message.atr_pct)}, {message.binding}"
    return "sized", f"{size} at {price(message.price)}, {basis}"


def _portfolio(message: PortfolioMarked) -> tuple[str, str]:
    return "portfolio", (
        f"NAV {usd(message.nav)} · heat {percent(message.heat)} of {percent(message.heat_limit, 0)} "
        f"· used {percent(message.utilisation, 1)} · drawdown {percent(message.drawdown)} "
        f"· {len(message.positions)} positions, {message.open_orders} open orders "
        f"· {rehearsed(message.phase, rehearsal=message.rehearsal)}"
    )


def _bar(message: BarClosed) -> tuple[str, str]:
    origin = ", backfilled" if message.backfilled else ""
    hole = f", {message.hole_before} missing before it" if message.hole_before else ""
    prices = " ".join(price(value) for value in (message.open, message.high, message.low, message.close))
    volume = f"volume {usd(message.quote_volume)}"
    which = f"{message.symbol} {message.timeframe} of {clock(message.open_time_ns)}"
    return "bar", f"{which}: {prices}, {volume}{origin}{hole}"


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


def _scope(symbol: str) -> str:
    return symbol or "the portfolio"


def _halted(message: Halted) -> tuple[str, str]:
    until = f" until {clock(message.until_ns)}" if message.until_ns else ""
    evidence = f" · {message.evidence}" if message.evidence else ""
    return "HALTED", f"{_scope(message.symbol)} ({message.mode}){until}: {message.reason}, by {message.who}{evidence}"


def _resumed(message: Resumed) -> tuple[str, str]:
    why = f": {message.reason}" if message.reason else ""
    halted_by = f" ({message.trigger})" if message.trigger != "operator" else ""
    after = duration(message.held_ns / SECOND_NS)
    return "resumed", f"{_scope(message.symbol)}{halted_by} after {after}{why}, by {message.who}"


def _resume_asked(message: ResumeAsked) -> tuple[str, str]:
    until = f" before {clock(message.until_ns)}" if message.until_ns else ""
    scope = f"{_scope(message.symbol)} ({message.trigger})"
    return "CONFIRM", f"resume {scope} once more with the code {message.confirm}{until}, asked by {message.who}"


def _alerted(message: Alerted) -> tuple[str, str]:
    evidence = f" · {message.evidence}" if message.evidence else ""
    return "ALERT", f"{_scope(message.symbol)}: {message.reason}{evidence}"


def _book(message: BookSampled) -> tuple[str, str]:
    size = usd(message.size_usdt)
    if message.spread is None:
        return "book", f"{message.symbol} is too thin for {size}"
    usual = percent(message.median_spread, 3) if message.median_spread is not None else "too thin"
    return "book", (
        f"{message.symbol} {percent(message.spread, 3)} for {size}, median {usual} of {message.samples} "
        f"({price(message.bids[0][0])} / {price(message.asks[0][0])})"
    )


def _room(message: RoomAnswered) -> tuple[str, str]:
    if len(message.rooms) == 1:
        [room] = message.rooms
        text = (
            f"{quantity(room.quantity)} {room.symbol} = {usd(room.notional_usdt)}, set by {room.binding}: {room.reason}"
        )
    else:
        total = sum(room.quantity > 0 for room in message.rooms)
        text = message.reason or f"{total} of {len(message.rooms)} pairs have room"
    return "room", f"{text} (to {message.reply_to})"


def _listing(message: PairListed) -> tuple[str, str]:
    if message.status == "trading":
        return "pair", f"{message.symbol} trades, lot {quantity(message.quantity_step)}"
    if message.status == "renamed":
        return "pair", f"{message.symbol} was renamed: {message.reason}"
    return "pair", f"{message.symbol} is off: {message.status} {message.reason}".rstrip()


def _closed(message: OrderClosed) -> tuple[str, str]:
    reason = f": {message.reason}" if message.reason else ""
    word = "complete" if message.ending == "filled" else message.ending
    return word, f"{message.symbol}, {quantity(message.quantity_filled)} filled{reason} ({message.order_id})"


def named_values(values: Mapping[str, float]) -> str:
    """``heat 0.06, drawdown 0.1``"""
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


def rehearsed(phase: str, *, rehearsal: bool) -> str:
    """A phase's name, with the mark of a rehearsal where it is one."""
    return f"{phase} (rehearsal)" if rehearsal else phase


def _limits(message: LimitsChanged) -> tuple[str, str]:
    changes = ", ".join(f"{name} {message.old.get(name, 0):g} -> {value:g}" for name, value in message.new.items())
    over = f"; over it already: {'; '.join(message.over)}" if message.over else ""
    return "LIMITS", f"{changes}: {message.reason}, by {message.who}; policy {message.policy}{over}"


def _phase(message: PhaseChanged) -> tuple[str, str]:
    after = rehearsed(message.phase, rehearsal=message.rehearsal)
    text = f"{message.phase_before} -> {after}, scale {message.scale:g}: {message.reason}, by {message.who}"
    return "PHASE", f"{text} · {message.evidence}" if message.evidence else text


_WRITERS: dict[type[Message], Callable[[Any], tuple[str, str]]] = {
    BarClosed: _bar,
    MarkChanged: lambda m: ("mark", f"{m.symbol} {price(m.price)} ({price(m.bid)} / {price(m.ask)})"),
    BookSampled: _book,
    PairListed: _listing,
    FeedLost: lambda m: ("FEED LOST", f"{m.feed} {m.symbol} {m.reason}".strip()),
    FeedRestored: lambda m: ("feed back", f"{m.feed} {m.symbol} after {duration(m.outage_ns / SECOND_NS)}"),
    SignalRaised: lambda m: ("signal", f"{m.symbol} {percent(m.strength, 0)}, by {m.strategy} {m.timeframe}".rstrip()),
    PositionSized: _size,
    OrderProposed: _proposal,
    CancelProposed: lambda m: ("proposed", _because(f"cancel {m.order_id}", m.reason)),
    CancelDecided: lambda m: ("cancel", _because(f"{m.order_id} of {m.symbol}", m.reason)),
    StopRaised: lambda m: ("proposed", f"stop of {m.symbol} up to {price(m.stop_price)}"),
    OrderDecided: _verdict,
    StopApproved: lambda m: ("approved", f"stop of {m.symbol} up to {price(m.stop_price)}"),
    OrderPlaced: lambda m: ("placed", f"{m.side} {quantity(m.quantity)} {m.symbol} ({m.order_id})"),
    OrderFilled: _fill,
    OrderClosed: _closed,
    StopPlaced: lambda m: ("stop", f"{m.symbol} at {price(m.stop_price)} for {quantity(m.quantity)} ({m.order_id})"),
    PortfolioMarked: _portfolio,
    Halted: _halted,
    Resumed: _resumed,
    ResumeAsked: _resume_asked,
    Alerted: _alerted,
    LimitsChanged: _limits,
    PhaseProposed: lambda m: ("PROPOSED", f"phase {m.to_phase} after {m.phase}: {m.evidence}"),
    PhaseChanged: _phase,
    CommandRefused: lambda m: ("REFUSED", f"{m.command} of {m.who}: {m.reason}"),
    SetLimits: lambda m: ("command", f"limits {named_values(m.limits)}: {m.reason}, by {m.who}"),
    ApprovePhase: lambda m: ("command", f"approve phase {m.phase}: {m.reason}, by {m.who}"),
    Halt: lambda m: ("command", f"halt {_scope(m.symbol)}: {m.reason}, by {m.who}"),
    Resume: lambda m: ("command", f"{_because(f'resume {_scope(m.symbol)}', m.reason)}, by {m.who}"),
    Flatten: lambda m: ("command", f"sell all of {_scope(m.symbol)}: {m.reason}, by {m.who}"),
    SetPhase: lambda m: ("command", f"phase {m.phase}: {m.reason}, by {m.who}"),
    RoomAsked: lambda m: ("asked", f"room in {m.symbol or 'every pair'}, for {m.reply_to}"),
    RoomAnswered: _room,
    ShadowAsked: lambda m: ("asked", f"what the shadow limits say, for {m.reply_to}"),
    ShadowCounted: lambda m: ("shadow", f"{m.summary} (to {m.reply_to})"),
    MessageRefused: lambda m: ("refused", f"{m.size_bytes} bytes on {m.source}: {m.field}: {m.reason}"),
}
