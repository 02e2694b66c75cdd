"""The story of one order: what was asked, what every rule would have allowed, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from services.cli.printing import json_text, plain_console
from services.cli.tables import bare_table
from shared.adapters.redis.bus import RedisBus
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.formats import base, clock, percent, price, quantity, usd
from shared.application.wording.one_line import event_line
from shared.application.wording.rules import allowed_words, binding_words, figures
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, DECIDED, EXECUTED, HALTS, PROPOSED
from shared.messages.control import MessageRefused
from shared.messages.orders import (
    CeilingReport,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
)
from shared.messages.portfolio import Halted, Resumed

PAGE = 20_000
NAMED = 5


class UnknownOrderError(UserError):
    """No such order, or none with a verdict."""


@dataclass(frozen=True, slots=True)
class Story:
    """after: what execution said of the order, oldest first. sector: of its pair. halt: that stood against it."""

    decision: OrderDecided
    after: tuple[Message, ...]
    sector: str
    halt: Halted | None = None


async def read_story(stack: StackLocator, order_id: str) -> Story:
    """The story of the order with this id, or the only one whose id begins so. Raises ``UnknownOrderError``."""
    async with stack.bus() as bus:
        decision = await bus.decision(order_id) or await _by_beginning(bus, order_id)
        executed = await bus.latest(bus.keys.of(EXECUTED), PAGE)
        halt = await _halt_over(bus, decision.symbol, decision.time_ns) if decision.binding == "halted" else None
    own = [
        message
        for message in reversed(executed)
        if isinstance(message, OrderPlaced | OrderFilled | OrderClosed) and message.order_id == decision.order_id
    ]
    sector = stack.settings.universe.sector_of(decision.symbol) or ""
    return Story(decision, tuple(own), sector, halt)


async def read_halt(stack: StackLocator, symbol: str, time_ns: int) -> Halted | None:
    """The halt that kept new risk out of a pair at that time."""
    async with stack.bus() as bus:
        return await _halt_over(bus, symbol, time_ns)


async def _halt_over(bus: RedisBus, symbol: str, time_ns: int) -> Halted | None:
    return halt_over(symbol, time_ns, reversed(await bus.latest(bus.keys.of(HALTS), PAGE)))


def halt_over(symbol: str, time_ns: int, history: Iterable[Message]) -> Halted | None:
    """The halt that kept new risk out of a pair at that time, the portfolio's first. history: oldest first."""
    in_force: dict[tuple[str, str], Halted] = {}
    for message in history:
        if message.time_ns > time_ns:
            continue
        if isinstance(message, Halted):
            in_force[message.symbol, message.trigger] = message
        elif isinstance(message, Resumed):
            in_force.pop((message.symbol, message.trigger), None)
    over = sorted((halt for halt in in_force.values() if halt.symbol in ("", symbol)), key=lambda halt: halt.symbol)
    return over[0] if over else None


async def _by_beginning(bus: RedisBus, beginning: str) -> OrderDecided:
    latest = await bus.latest(bus.keys.of(DECIDED), PAGE)
    decided = [message for message in latest if isinstance(message, OrderDecided)]
    fitting = [decision for decision in decided if decision.order_id.startswith(beginning)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnknownOrderError(several_text(beginning, [decision.order_id for decision in fitting]))
    for message in await bus.latest(bus.keys.of(PROPOSED), PAGE):
        if isinstance(message, OrderProposed) and message.id == beginning:
            raise UnknownOrderError(f"{beginning} was proposed at {clock(message.time_ns)} and is not decided yet.")
    for message in await bus.latest(bus.keys.of(DEAD), PAGE):
        if isinstance(message, MessageRefused) and beginning.encode() in message.body:
            why = f"{message.field}: {message.reason}"
            raise UnknownOrderError(f"{beginning} could not be read ({why}). See heatsink tail dead --last 20.")
    names = ", ".join(decision.order_id for decision in decided[:3])
    hint = f"The last ones decided: {names}." if names else "Nothing was decided here yet."
    raise UnknownOrderError(f"There is no order {beginning}. {hint}")


def several_text(beginning: str, names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} orders begin with {beginning}: {', '.join(names[:NAMED])}{more}. Give more of the id."


# --- in words ---------------------------------------------------------------------------------------------------------


def story_text(story: Story) -> str:
    """One paragraph: the verdict, the rule that set it and its figures, heat before and after, what became of it."""
    decision = story.decision
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
    sentences = [f"{order} {verdict}{_cause(story)}.", *_heat(decision), *_stop(story)]
    phase = f", in phase {decision.phase}" if decision.phase else ""
    sentences.append(f"It was held to the limits of policy {decision.policy}{phase}.")
    return " ".join([*sentences, outcome_text(story)])


def _cause(story: Story) -> str:
    """What set the verdict, as the end of its sentence."""
    decision = story.decision
    if decision.verdict == "approve":
        if decision.reason.startswith("dust"):
            small = decision.reason.partition(": ")[2]
            return f" (dust, {small}: selling is never held back here, the exchange may refuse it)"
        return " (what reduces risk always passes)" if decision.side == "sell" else " (no rule stood against it)"
    words = binding_words(
        decision.binding, decision.ceilings, decision.reason, decision.symbol, story.sector, story.halt
    )
    return f": {words}"


def _heat(decision: OrderDecided) -> list[str]:
    if decision.nav <= 0:
        return ["NAV was unknown, or not above zero."]
    mark = f", the mark was {price(decision.mark)}" if decision.mark else ""
    if decision.heat_after == decision.heat_before:
        return [f"Heat was {percent(decision.heat_before)} of NAV {usd(decision.nav)}{mark}."]
    change = f"from {percent(decision.heat_before)} to {percent(decision.heat_after)}"
    return [f"Heat went {change} of NAV {usd(decision.nav)}{mark}."]


def _stop(story: Story) -> list[str]:
    """The stop, and what is reserved for as long as the order is not finished."""
    decision = story.decision
    if decision.stop_price is None or not decision.quantity_approved:
        return []
    amounts = f"{usd(decision.risk_usdt)} of risk and {usd(decision.cash_usdt)} of cash"
    if any(isinstance(message, OrderClosed) for message in story.after):
        return [f"Its stop: {price(decision.stop_price)}; {amounts} were reserved until it was finished."]
    return [f"Its stop is at {price(decision.stop_price)}; until it is filled or dead it reserves {amounts}."]


def outcome_text(story: Story) -> str:
    """What became of it: filled at which price and fee, cancelled, refused by the exchange, or nothing yet."""
    decision, coin = story.decision, base(story.decision.symbol)
    if decision.verdict == "reject":
        return "Nothing of it went to the exchange."
    fills = [message for message in story.after if isinstance(message, OrderFilled)]
    closed = next((message for message in story.after if isinstance(message, OrderClosed)), None)
    if not story.after:
        return "Nothing was heard of it from execution yet."
    filled = sum((fill.quantity for fill in fills), Decimal(0))
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
    filled = sum((fill.quantity for fill in fills), Decimal(0))
    if not filled:
        return ""
    average = sum((fill.quantity * fill.price for fill in fills), Decimal(0)) / filled
    away = ""
    if decision.mark:
        difference = float(average) / decision.mark - 1.0
        away = f", {percent(abs(difference))} {'above' if difference > 0 else 'below'} the mark"
    in_trades = f" on average of {len(fills)} trades" if len(fills) > 1 else ""
    return f" at {price(average)}{in_trades}{away}, fees {usd(sum((fill.fee_usdt for fill in fills), Decimal(0)))}"


def ceilings_table(ceilings: tuple[CeilingReport, ...], binding: str, symbol: str, mark: float) -> Table:
    """Every rule's answer; the binding one is marked."""
    table = bare_table("", "rule", ">would allow", ">limit", ">used", ">left", "why")
    for ceiling in ceilings:
        binds = ceiling.rule == binding
        allowed = allowed_words(ceiling, symbol, mark)
        cells = (">" if binds else "", ceiling.rule, allowed, *figures(ceiling, symbol), ceiling.reason)
        table.add_row(*(Text(cell) for cell in cells), style="bold yellow" if binds else "")
    return table


def print_story(story: Story, *, as_json: bool) -> None:
    decision = story.decision
    if as_json:
        for message in (decision, *story.after):
            print(json_text(message))
        return
    console = plain_console()
    console.print(Text(f"{clock(decision.time_ns)}  {story_text(story)}"))
    if decision.ceilings:
        console.print(ceilings_table(decision.ceilings, decision.binding, decision.symbol, decision.mark))
    for message in story.after:
        console.print(Text(event_line(message)), soft_wrap=True)
    console.print(Text(f"trace {decision.trace} · policy {decision.policy} · #{decision.seq}"), style="dim")
