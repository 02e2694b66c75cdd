"""Every rule of the gate in words: what it looks at, what it found, and who may lift a halt."""

from shared.application.wording.formats import LEAST_USD, base, clock, duration, percent, price, scope, usd
from shared.domain.filters.quantities import shortfall_words
from shared.messages.halts import Halted
from shared.messages.orders import CeilingReport, Shortfall

_BUDGETS = {
    "order_size": "one order by itself",
    "pair_cap_nav": "{symbol}, by its share of NAV,",
    "pair_cap_adv": "{symbol}, by its share of daily volume,",
    "equity_at_risk": "the risk of one trade in {symbol}",
    "portfolio_heat": "the portfolio's heat",
    "gap_stress": "the loss if everything fell at once",
    "cash": "free cash",
}


def rule_words(rule: str, symbol: str, sector: str) -> str:
    """A rule as people call it: ``sector Layer 1``."""
    if rule == "sector_cap":
        return f"sector {sector}" if sector else "the sector"
    return _BUDGETS.get(rule, rule.replace("_", " ")).format(symbol=symbol)


def binding_words(
    rule: str,
    ceilings: tuple[CeilingReport, ...],
    *,
    reason: str,
    symbol: str,
    sector: str,
    halt: Halted | None = None,
    shortfall: Shortfall | None = None,
) -> str:
    """Why an order got no more than it did, as a clause: ``sector Layer 1 has $4,210 of $50,000 left``.

    rule, ceilings, reason, symbol, shortfall: as in ``OrderDecided``.
    sector: the pair's; empty for a pair outside of the universe.
    halt: the one that stood in the way, where it is known.
    """
    ceiling = next((each for each in ceilings if each.rule == rule), None)
    if rule == "halted" and halt is not None:
        return halt_words(halt)
    words = _closed_words(rule, ceiling, symbol) if ceiling is not None else ""
    if not words and ceiling is not None and ceiling.unit == "USDT" and not ceiling.reason:
        words = _budget_words(ceiling, rule_words(rule, symbol, sector))
    if not words:
        return _plain_words(rule, reason, symbol)
    return f"{words}; {shortfall_words(shortfall)}" if shortfall is not None else words


def _budget_words(ceiling: CeilingReport, subject: str) -> str:
    if ceiling.rule == "order_size":
        return f"{subject} may be at most {usd(ceiling.limit)}"
    if ceiling.headroom < LEAST_USD:
        return f"{subject} is used up: {usd(ceiling.used)} of {usd(ceiling.limit)}"
    return f"{subject} has {usd(ceiling.headroom)} of {usd(ceiling.limit)} left"


def _closed_words(rule: str, ceiling: CeilingReport, symbol: str) -> str:
    """A gate that measured something else than money; empty where it measured nothing."""
    limit, used = ceiling.limit, ceiling.used
    match rule, ceiling.unit:
        case "fresh_mark", "seconds" if limit:
            return f"the mark of {symbol} is {duration(used)} old, {duration(limit)} are allowed"
        case "price_collar", "base" if not ceiling.reason:
            some = f"only {price(limit)} {base(symbol)}" if limit else "nothing"
            return f"the book sells {some} within the price collar"
        case "price_collar", "USDT" if limit:
            return f"its limit price {price(used)} is over the collar, {price(limit)}"
        case "spread_at_size", "fraction" if limit and ceiling.code:  # without a code its own words say which spread
            spread = "median spread" if ceiling.code == "median_spread" else "spread"
            return f"the {spread} of {symbol} at size is {percent(used)}, {percent(limit)} is allowed"
        case "open_orders", "orders":
            allowed = "as many as may be" if used == limit else f"{limit:.0f} may be"
            already = "1 order is" if used == 1 else f"{used:.0f} orders are"
            return f"{already} open already, {allowed}"
        case "drawdown", "fraction" if limit:
            return f"NAV is {percent(used, 1)} under its high-water mark, {percent(limit, 1)} is allowed"
        case _:
            return ""


def _plain_words(rule: str, reason: str, symbol: str) -> str:
    match rule:
        case "known_atr":
            return f"the daily range (ATR) of {symbol} is unknown, so nobody can say how far its stop is"
        case "throttle":
            return f"orders come too fast: {reason}"
        case _:
            return reason or rule.replace("_", " ")


# --- halts ------------------------------------------------------------------------------------------------------------


def halt_words(halt: Halted) -> str:
    """``the portfolio is halted for new risk since ... by risk (drawdown): ...; an operator may clear it ...``"""
    what = "only reductions pass in" if halt.mode == "reducing" else "nothing new is let into"
    evidence = f" ({halt.evidence})" if halt.evidence and halt.evidence != halt.reason else ""
    since = f"{what} {scope(halt.symbol)} since {clock(halt.since_ns or halt.time_ns)}"
    return f"{since}, by {halt.who}, {halt.trigger.replace('_', ' ')}: {halt.reason}{evidence}; {clearing_words(halt)}"


def clearing_words(halt: Halted) -> str:
    """Who may clear a halt, and how."""
    command = " ".join(filter(None, ("heatsink resume", base(halt.symbol), "--reason WHY")))
    match halt.cleared_by:
        case "condition":
            return "it ends by itself when that is over"
        case "two_steps":
            return f"an operator may clear it in two steps: {command}, then again with the code of the answer"
        case "time":
            return f"it ends by itself at {clock(halt.until_ns)}, or by an operator: {command}"
        case _:
            until = f", or by itself at {clock(halt.until_ns)}" if halt.until_ns else ""
            return f"an operator may clear it: {command}{until}"


# --- figures of a ceiling ---------------------------------------------------------------------------------------------

NO_CEILING = 1e17  # rules without a bound answer with a number beyond any order
LEAST_QUANTITY = 1e-8  # base units; no exchange has a finer step: less is what rounding left


def allowed_words(ceiling: CeilingReport, symbol: str, mark: float) -> str:
    """What a rule would allow: ``0.31 ETH = $465``, ``any`` or ``nothing``."""
    if ceiling.quantity >= NO_CEILING:
        return "any"
    if ceiling.quantity < LEAST_QUANTITY:
        return "nothing"
    worth = f" = {usd(ceiling.quantity * mark)}" if mark else ""
    return f"{price(ceiling.quantity)} {base(symbol)}{worth}"


def figures(ceiling: CeilingReport, symbol: str) -> tuple[str, str, str]:
    """Limit, used and headroom in the ceiling's unit, as people round it; empty for a plain gate."""
    values = (ceiling.limit, ceiling.used, ceiling.headroom)
    match ceiling.unit:
        case "":
            return ("", "", "")
        case "USDT":
            shown = [usd(value) for value in values]
        case "fraction":
            shown = [percent(value) for value in values]
        case "base":
            shown = [f"{price(value)} {base(symbol)}" for value in values]
        case "orders":
            shown = [f"{value:z,.0f}" for value in values]
        case "seconds":
            shown = [duration(value) for value in values]
        case unit:
            shown = [f"{price(value)} {unit}" for value in values]
    return (shown[0], shown[1], shown[2])
