"""The report of an order as a paragraph, and what could be bought now as a sentence."""

from shared.application.order_report import OrderReport
from shared.application.wording.formats import base, clock, percent, price, quantity, usd
from shared.application.wording.rules import binding_words
from shared.domain.numbers import ZERO
from shared.domain.safe_text import safe
from shared.messages.ask import Room
from shared.messages.halts import Halted
from shared.messages.orders import OrderDecided, OrderFilled
from shared.messages.reports import ReportAwaited

OWED = {"order": "what became of it", "end": "how it ended", "trades": "the trades of it that are missing"}


def order_text(report: OrderReport) -> str:
    """One paragraph: the verdict, the rule that set it and its figures, heat before and after, what became of it."""
    decision = report.decision
    coin = base(decision.symbol)
    wanted, given = quantity(decision.quantity_requested), quantity(decision.quantity_approved)
    match decision.verdict:
        case "approve":
            verdict = f"was approved whole: {wanted} {coin}"
        case "trim":
            verdict = f"was trimmed from {wanted} to {given} {coin}"
        case _:
            verdict = f"was rejected ({wanted} {coin} asked)"
    order = f"{decision.order_id}, a {decision.order_type} {decision.side} by {decision.strategy},"
    sentences = [f"{order} {verdict}{_cause(report)}.", *_heat(decision), *_stop(report)]
    phase = f", in phase {decision.phase}" if decision.phase else ""
    sentences.append(f"It was held to the limits of policy {decision.policy}{phase}.")
    return safe(" ".join([*sentences, outcome_text(report)]))


def _cause(report: OrderReport) -> str:
    """What set the verdict, as the end of its sentence."""
    decision = report.decision
    if decision.verdict == "approve":
        if decision.shortfall is not None:  # by an earlier version: dust is rejected now
            small = f"below the exchange's minimum of {quantity(decision.shortfall.min_notional_usdt)} USDT"
            return f" (dust, {small}: selling is never held back here, the exchange may refuse it)"
        return " (what reduces risk always passes)" if decision.side == "sell" else " (no rule stood against it)"
    if not decision.code and _is_below_minimum(decision):
        return f": {decision.reason}"
    return f": {why_no_more(decision, report.sector, report.halt)}"


def why_no_more(ruled: OrderDecided | Room, sector: str, halt: Halted | None = None) -> str:
    """Why an order got no more than it did, or why no more could be bought, as a clause.

    halt: the one that stood in the way, where it is known.
    """
    return binding_words(
        ruled.binding,
        ruled.ceilings,
        reason=ruled.reason,
        symbol=ruled.symbol,
        sector=sector,
        halt=halt,
        shortfall=ruled.shortfall,
    )


def _is_below_minimum(decision: OrderDecided) -> bool:
    """Of a decision from before codes were kept: its rule would have allowed something, and yet it was rejected."""
    allowed = any(ceiling.quantity > 0 for ceiling in decision.ceilings if ceiling.rule == decision.binding)
    return allowed and decision.verdict == "reject"


def _heat(decision: OrderDecided) -> list[str]:
    if decision.nav <= 0:
        return ["NAV was unknown, or not above zero."]
    mark = f", the mark was {price(decision.mark)}" if decision.mark else ""
    if decision.heat_after == decision.heat_before:
        return [f"Heat was {percent(decision.heat_before)} of NAV {usd(decision.nav)}{mark}."]
    change = f"from {percent(decision.heat_before)} to {percent(decision.heat_after)}"
    return [f"Heat went {change} of NAV {usd(decision.nav)}{mark}."]


def _stop(report: OrderReport) -> list[str]:
    """The stop, and what is reserved for as long as the order is not finished."""
    decision = report.decision
    if decision.stop_price is None or not decision.quantity_approved:
        return []
    amounts = f"{usd(decision.risk_usdt)} of risk and {usd(decision.cash_usdt)} of cash"
    if report.closed:
        return [f"Its stop: {price(decision.stop_price)}; {amounts} were reserved until it was finished."]
    return [f"Its stop is at {price(decision.stop_price)}; until it is filled or dead it reserves {amounts}."]


def outcome_text(report: OrderReport) -> str:
    """What became of it: filled at which price and fee, cancelled, refused by the exchange, or nothing yet."""
    if report.decision.verdict == "reject":
        return "Nothing of it went to the exchange."
    if report.awaited is None:
        return _outcome(report)
    return f"{_outcome(report)} {_owed(report.awaited)}"


def _owed(awaited: ReportAwaited) -> str:
    """Which report its client owes, and what follows while it does not come."""
    client = f"Client {awaited.client}" if awaited.client else "Its client"
    what, due = OWED.get(awaited.what, OWED["order"]), clock(awaited.due_ns)
    if not awaited.overdue:
        return f"{client} reports {what} by {due}."
    remedy = f"or have it written off (heatsink write-off-order {awaited.order_id})"
    return f"{client} has not reported {what}, which was due at {due}, and buys nothing until it does; {remedy}."


def _outcome(report: OrderReport) -> str:
    decision, coin = report.decision, base(report.decision.symbol)
    fills, closed = report.fills, report.closed
    if not report.told:
        return (
            "Nothing was heard of it from execution yet."
            if report.awaited is None
            else "It is its client's to execute."
        )
    filled = sum((fill.quantity for fill in fills), ZERO)
    of_all = f"{quantity(filled)} of {quantity(decision.quantity_approved)} {coin}"
    paid = _paid(fills, decision)
    if closed is None:
        return (
            f"So far {of_all} is filled{paid}; the rest works at the exchange." if fills else "It is at the exchange."
        )
    if closed.ending == "filled":
        return f"It was filled{paid}."
    reason = f" ({closed.reason})" if closed.reason else ""
    verb = "refused by the exchange" if closed.ending == "rejected" else closed.ending
    return (
        f"It was {verb}{reason} after {of_all}{paid}." if fills else f"It was {verb}{reason}; nothing of it was filled."
    )


def _paid(fills: list[OrderFilled], decision: OrderDecided) -> str:
    """`` at 20,510.2 on average, 0.05 % above the mark, fees $6.36``; empty without fills."""
    filled = sum((fill.quantity for fill in fills), ZERO)
    if not filled:
        return ""
    average = sum((fill.quantity * fill.price for fill in fills), ZERO) / filled
    away = ""
    if decision.mark:
        difference = float(average) / decision.mark - 1.0
        away = f", {percent(abs(difference))} {'above' if difference > 0 else 'below'} the mark"
    in_trades = f" on average of {len(fills)} trades" if len(fills) > 1 else ""
    return f" at {price(average)}{in_trades}{away}, fees {usd(sum((fill.fee_usdt for fill in fills), ZERO))}"


def room_text(room: Room, sector: str, halt: Halted | None = None) -> str:
    """One paragraph: how much could be bought, with which stop, and what sets it."""
    coin = base(room.symbol)
    why = why_no_more(room, sector, halt) if room.binding else ""
    if not room.quantity:
        return safe(f"Nothing of {room.symbol} could be bought now: {why}.")
    stop = f" with a stop at {price(room.stop_price)}" if room.stop_price is not None else ""
    most = f"{quantity(room.quantity)} {coin} = {usd(room.notional_usdt)}"
    return safe(f"At most {most} could be bought now{stop}{': ' + why if why else ''}.")
