"""What page and terminal say in sentences, and how they write single values."""

from decimal import Decimal

from services.backtest.result import HaltSpan, Run, Variant
from services.backtest.statistics import Figures
from shared.application.wording.formats import clock, count, percent, usd
from shared.domain.timeframes import MS_NS

FILLS = {
    "close": "at the close of the bar that led to it",
    "next_open": "at the open of the next bar",
}
MARKETS = {
    "smooth": "smooth: the price walks through each bar, and a stop fills where it stands",
    "jumping": "jumping: the price is seen at the open, the extremes and the close only, and a stop fills at the low",
}
BOOKS = {
    "recorded": "recorded",
    "modelled": "modelled from daily volume: nobody recorded them",
    "none": "none: the rules that need them were off",
}
FILL_NAMES = {"close": "close", "next_open": "next open"}
UNKNOWN = "\N{EN DASH}"


def day(time_ns: int) -> str:
    """``2021-03-28``; a dash for none."""
    return clock(time_ns)[:10] if time_ns else UNKNOWN


def minute(time_ns: int) -> str:
    """``2021-03-28 08:00``; a dash for none. A bar that closes at 07:59:59.999 closes at 08:00 for people."""
    return clock(time_ns + MS_NS)[:16] if time_ns else UNKNOWN


def ratio(value: float | None, digits: int = 2) -> str:
    """A ratio; a dash where it cannot be told."""
    return UNKNOWN if value is None else f"{value:z,.{digits}f}"


def fraction(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Percent; a dash where it cannot be told."""
    return UNKNOWN if value is None else percent(value, digits, signed=signed)


def variant_cells(variant: Variant) -> tuple[str, ...]:
    """Its return, Sharpe ratio, drawdown, heat, trades, stops and halts."""
    return (
        percent(variant.total_return, signed=True),
        ratio(variant.sharpe),
        percent(variant.max_drawdown),
        percent(variant.max_heat),
        f"{variant.trades:,}",
        f"{variant.stops:,}",
        f"{variant.halts:,}",
    )


def cents(amount: Decimal) -> str:
    """Always with cents: in tables in which amounts are added."""
    text = f"{amount:z,.2f}"
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def span(run: Run) -> str:
    """Its first and its last day."""
    return f"{day(run.start_ns)} to {day(max(run.start_ns, run.end_ns - 1))}"


def title(run: Run, figures: Figures) -> str:
    """The run in one line."""
    of = figures.performance
    return f"{usd(of.nav_start)} became {usd(of.nav_end)}: {percent(of.total_return, signed=True)}"


def verdict(run: Run, figures: Figures) -> str:
    """What came of it, without any hope."""
    of, used = figures.performance, figures.usage
    made = "made money" if of.total_return > 0 else "lost money" if of.total_return < 0 else "made nothing"
    pairs = count(len(figures.by_pair), "pair")
    said = [f"In {count(of.days, 'day')} and {count(figures.trades.count, 'trade')} in {pairs} the strategies {made}."]
    if not run.trades:
        said.append(nothing_bought(run))
    if run.market_returns:
        beside = "more" if of.total_return > of.market else "less"
        held = f"All pairs held in equal parts, without costs, made {percent(of.market, signed=True)}"
        said.append(f"{held}: the run made {beside}." if of.total_return != of.market else f"{held}, too.")
    limit = max(run.curve.heat_limit, default=0.0)
    if limit:
        over = sum(heat > most for heat, most in zip(run.curve.heat, run.curve.heat_limit, strict=True))
        kept = "It never passed its limit" if not over else f"It was over its limit in {count(over, 'hour')}"
        said.append(f"Heat was {percent(used.max_heat)} at most. {kept}.")
    costs = figures.waterfall.costs
    if costs:
        gross = figures.waterfall.gross
        before = f"of the {usd(gross)} that trades made" if gross > 0 else f"beside the {usd(-gross)} that trades lost"
        said.append(f"Fees, spread and slippage took {usd(costs)} {before} at the prices of the market.")
    return " ".join(said)


def nothing_bought(run: Run) -> str:
    """Why a run has no trades: 0 % may come of silent strategies, of the gate, or of a history that is too short."""
    verdicts = run.verdicts
    if verdicts.approve or verdicts.trim:
        return "Nothing was bought: no order that was approved was filled."
    if verdicts.reject:
        rules = sorted(verdicts.rules, key=lambda each: -each.rejected)
        by = f", {count(rules[0].rejected, 'time')} by the rule {rules[0].rule}" if rules else ""
        return f"Nothing was bought: every purchase was rejected, {verdicts.reject:,} in all{by}."
    if not sum(run.signals.values()):
        return "Nothing was bought: no strategy wanted a position."
    if run.coverage and not any(pair.tradable_ns for pair in run.coverage):
        return "Nothing was bought: no pair had the days of history yet that a size needs. Begin later, or import more."
    return "Nothing was bought: strategies wanted positions, and none came to an order."


def saved(halt: HaltSpan) -> str:
    """What a halt saved or cost, in its own words."""
    if not halt.kept_out:
        return f"{count(halt.refused, 'purchase')} refused" if halt.refused else "nothing was held back"
    held_back = f"{usd(halt.kept_out)} held back"
    if abs(halt.saved) < 0.005:
        return f"{held_back}: it saved and cost nothing"
    return f"{held_back}: it {'saved' if halt.saved > 0 else 'cost'} {usd(abs(halt.saved))}"
