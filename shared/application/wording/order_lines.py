"""Signals, sizes, orders and their fills, in one line a message."""

from collections.abc import Callable
from typing import Any

from shared.application.wording.formats import because, percent, price, quantity, usd
from shared.messages.base import Message
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    ImportDecided,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopPlaced,
    StopRaised,
    WriteOffDecided,
)
from shared.messages.signals import PositionSized, SignalRaised, SignalRefused


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


def _closed(message: OrderClosed) -> tuple[str, str]:
    reason = f": {message.reason}" if message.reason else ""
    word = "complete" if message.ending == "filled" else message.ending
    return word, f"{message.symbol}, {quantity(message.quantity_filled)} filled{reason} ({message.order_id})"


def _refused(message: ProposalRefused) -> tuple[str, str]:
    name = f" {message.order_id or message.cause}".rstrip()
    return "REFUSED", f"{message.what or 'proposal'}{name}: {message.reason}{_unanswered(message.unanswered)}"


def _signal_refused(message: SignalRefused) -> tuple[str, str]:
    name = f" {message.cause}".rstrip()
    return "REFUSED", f"signal{name}: {message.reason}{_unanswered(message.unanswered)}"


def _unanswered(count: int) -> str:
    return f" ({count} more were refused without an answer)" if count else ""


def _size(message: PositionSized) -> tuple[str, str]:
    if not message.quantity:
        return "sized", f"{message.symbol} {message.timeframe}: none, {message.binding}"
    size = f"{message.symbol} {message.timeframe}: {quantity(message.quantity)} = {usd(message.notional_usdt)}"
    basis = f"stop {price(message.stop_price)}, ATR {percent(message.atr_pct)}, {message.binding}"
    return "sized", f"{size} at {price(message.price)}, {basis}"


ORDER_LINES: dict[type[Message], Callable[[Any], tuple[str, str]]] = {
    SignalRefused: _signal_refused,
    ProposalRefused: _refused,
    SignalRaised: lambda m: ("signal", f"{m.symbol} {percent(m.strength, 0)}, by {m.strategy} {m.timeframe}".rstrip()),
    PositionSized: _size,
    OrderProposed: _proposal,
    CancelProposed: lambda m: ("proposed", because(f"cancel {m.order_id}", m.reason)),
    CancelDecided: lambda m: ("cancel", because(f"{m.order_id} of {m.symbol}", m.reason)),
    StopRaised: lambda m: ("proposed", f"stop of {m.symbol} up to {price(m.stop_price)}"),
    OrderDecided: _verdict,
    StopApproved: lambda m: ("approved", because(f"stop of {m.symbol} up to {price(m.stop_price)}", m.reason)),
    ImportDecided: lambda m: (
        "import",
        because(f"{quantity(m.quantity)} {m.symbol}, stop {price(m.stop_price)}", m.reason),
    ),
    WriteOffDecided: lambda m: ("write-off", because(m.symbol, m.reason)),
    OrderPlaced: lambda m: ("placed", f"{m.side} {quantity(m.quantity)} {m.symbol} ({m.order_id})"),
    OrderFilled: _fill,
    OrderClosed: _closed,
    StopPlaced: lambda m: ("stop", f"{m.symbol} at {price(m.stop_price)} for {quantity(m.quantity)} ({m.order_id})"),
}
