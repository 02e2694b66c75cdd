"""The story of one order: what was asked, what every rule would have allowed, and what became of it."""

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from services.cli.failing import ToldError
from services.cli.printing import json_text, plain_console
from services.cli.render import event_line
from services.cli.where import Place
from services.cli.wording import base, clock, percent, price, quantity, usd
from shared.adapters.redis_bus import RedisBus
from shared.adapters.redis_look import onlooker
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, EXECUTED, PROPOSED, stream_key
from shared.messages.orders import (
    CeilingReport,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
)

PAGE = 20_000
NO_CEILING = 1e17  # rules without a bound answer with a number beyond any order


class UnknownOrderError(ToldError):
    """No such order, or none with a verdict."""


@dataclass(frozen=True, slots=True)
class Story:
    """after: what execution said of the order, oldest first. sector: of its pair."""

    decision: OrderDecided
    after: tuple[Message, ...]
    sector: str


async def read_story(place: Place, order_id: str) -> Story:
    """The story of the order with this id, or the only one whose id begins so. Raises ``UnknownOrderError``."""
    async with onlooker(place.redis_url, place.portfolio) as bus:
        decision = await bus.decision(order_id) or await _by_beginning(bus, order_id)
        executed = await bus.latest(stream_key(EXECUTED, portfolio=bus.portfolio), PAGE)
    own = [
        message
        for message in reversed(executed)
        if isinstance(message, OrderPlaced | OrderFilled | OrderClosed) and message.order_id == decision.order_id
    ]
    return Story(decision, tuple(own), place.settings.universe.sector_of(decision.symbol) or "")


async def _by_beginning(bus: RedisBus, beginning: str) -> OrderDecided:
    latest = await bus.latest(stream_key(DECIDED, portfolio=bus.portfolio), PAGE)
    decided = [message for message in latest if isinstance(message, OrderDecided)]
    fitting = [decision for decision in decided if decision.order_id.startswith(beginning)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(decision.order_id for decision in fitting[:5])
        raise UnknownOrderError(f"{len(fitting)} orders begin with {beginning}: {names}, ... Give more of the id.")
    for message in await bus.latest(stream_key(PROPOSED, portfolio=bus.portfolio), PAGE):
        if isinstance(message, OrderProposed) and message.id == beginning:
            raise UnknownOrderError(f"{beginning} was proposed at {clock(message.time_ns)} and is not decided yet.")
    names = ", ".join(decision.order_id for decision in decided[:3])
    hint = f"The last ones decided: {names}." if names else "Nothing was decided here yet."
    raise UnknownOrderError(f"There is no order {beginning}. {hint}")


# --- in words ---------------------------------------------------------------------------------------------------------


def story_text(story: Story) -> str:
    """One paragraph: the verdict, the rule that set it and its figures, heat before and after."""
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
    sentences = [f"{order} {verdict}{_cause(story)}."]
    if decision.nav > 0:
        heat = f"from {percent(decision.heat_before)} to {percent(decision.heat_after)}"
        mark = f", the mark was {price(decision.mark)}" if decision.mark else ""
        sentences.append(f"Heat went {heat} of NAV {usd(decision.nav)}{mark}.")
    if decision.stop_price is not None:
        sentences.append(
            f"Its stop is at {price(decision.stop_price)}; until it is filled or dead it reserves "
            f"{usd(decision.risk_usdt)} of risk and {usd(decision.cash_usdt)} of cash."
        )
    return " ".join(sentences)


def _cause(story: Story) -> str:
    decision = story.decision
    if not decision.binding:
        return " (no rule stood against it)" if decision.verdict == "approve" else ""
    binding = next((ceiling for ceiling in decision.ceilings if ceiling.rule == decision.binding), None)
    if binding is None or binding.reason or binding.unit != "USDT":
        return f": {decision.reason or decision.binding}"
    left = f"{usd(binding.headroom)} of {usd(binding.limit)} left"
    extra = f"; {decision.reason}" if "minimum" in decision.reason else ""
    return f": {rule_words(binding.rule, decision.symbol, story.sector)} has {left}{extra}"


def rule_words(rule: str, symbol: str, sector: str) -> str:
    """A rule as people call it: ``sector Layer 1``."""
    match rule:
        case "sector_cap":
            return f"sector {sector}" if sector else "the sector"
        case "pair_cap_nav":
            return f"{symbol}, by its share of NAV,"
        case "pair_cap_adv":
            return f"{symbol}, by its share of daily volume,"
        case "equity_at_risk":
            return f"the risk of one trade in {symbol}"
        case "portfolio_heat":
            return "the portfolio's heat"
        case "cash":
            return "free cash"
        case _:
            return rule.replace("_", " ")


def ceilings_table(decision: OrderDecided) -> Table:
    """Every rule's answer; the binding one is marked."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "rule", "would allow", "limit", "used", "left", "why"):
        table.add_column(name, justify="left" if name in ("", "rule", "why") else "right")
    for ceiling in decision.ceilings:
        binds = ceiling.rule == decision.binding
        cells = (">" if binds else "", ceiling.rule, _allowed(ceiling, decision), *_figures(ceiling), ceiling.reason)
        table.add_row(*(Text(cell) for cell in cells), style="bold yellow" if binds else "")
    return table


def _allowed(ceiling: CeilingReport, decision: OrderDecided) -> str:
    if float(ceiling.quantity) >= NO_CEILING:
        return "any"
    if not ceiling.quantity:
        return "nothing"
    worth = f" = {usd(float(ceiling.quantity) * decision.mark)}" if decision.mark else ""
    return f"{price(ceiling.quantity)} {base(decision.symbol)}{worth}"


def _figures(ceiling: CeilingReport) -> tuple[str, str, str]:
    values = (ceiling.limit, ceiling.used, ceiling.headroom)
    match ceiling.unit:
        case "":
            return ("", "", "")
        case "USDT":
            return (usd(values[0]), usd(values[1]), usd(values[2]))
        case "fraction":
            return (percent(values[0]), percent(values[1]), percent(values[2]))
        case unit:
            return (f"{values[0]:.3g} {unit}", f"{values[1]:.3g} {unit}", f"{values[2]:.3g} {unit}")


def print_story(story: Story, *, as_json: bool) -> None:
    if as_json:
        for message in (story.decision, *story.after):
            print(json_text(message))
        return
    console = plain_console()
    console.print(Text(f"{clock(story.decision.time_ns)}  {story_text(story)}"))
    if story.decision.ceilings:
        console.print(ceilings_table(story.decision))
    for message in story.after:
        console.print(Text(event_line(message)), soft_wrap=True)
    if story.decision.verdict != "reject" and not story.after:
        console.print(Text("Nothing was heard of it from execution yet."), style="dim")
    console.print(
        Text(f"trace {story.decision.trace} · policy {story.decision.policy} · #{story.decision.seq}"), style="dim"
    )
