"""What a run takes for granted, and which rules could not act, in sentences for the report."""

from services.backtest.options import HISTORY_DAYS, BacktestOptions
from shared.domain.universe import Universe

FILL = {
    "close": "An order at the market fills at the close of the bar that led to it, half a spread and slippage worse.",
    "next_open": "An order at the market fills at the open of the next bar, half a spread and slippage worse.",
}
MARKET = {
    "smooth": "Within a bar the price walks: a stop fills where it stands, or at the open of a bar that gapped below.",
    "jumping": "Within a bar the price is seen at the open, both extremes and the close only: a stop fills at the low.",
}
BOOKS = {
    "recorded": "Spreads and depth are those of recorded books.",
    "modelled": "Spreads and depth follow from a pair's daily volume (docs/backtest.md): nobody recorded its books.",
    "none": "There are no books.",
}


def assumptions(options: BacktestOptions) -> tuple[str, ...]:
    """All that nobody can know from bars."""
    hours = options.resume_after_hours
    resumes = f"{hours:g} hours after they began, all of a pair with its first one" if hours is not None else "never"
    phases = "what the portfolio has shown" if options.by_evidence else "their dates"
    return (
        FILL[options.fill],
        MARKET[options.market],
        BOOKS[options.books],
        "A stop is raised at the close of a bar only. Where a bar may have reached two things, the worse one counts.",
        f"Halts that wait for an operator are resumed {resumes}.",
        f"Phases follow {phases}.",
        "Limits that count seconds of wall time count a bar as one second.",
        "Ticks and lots are those that the bars show; the least notional of an order is 5 USDT.",
        "A pair whose bars end before the run does is sold at its last price.",
        f"Before the start there are {HISTORY_DAYS * options.history_factor} days of history.",
    )


def rules_off(options: BacktestOptions) -> tuple[str, ...]:
    """Rules and breakers that could not act, and why."""
    plan, universe = options.plan, options.universe
    off = ["spread_at_size and the walk of the book in price_collar: there are no books"] * (options.books == "none")
    off += [f"{name}: it is switched off in the configuration" for name in plan.breakers.off]
    off += ["feed: bars are all there"]
    if not _has(universe, plan.breakers.shock_pair) and "market_shock" not in plan.breakers.off:
        off.append(f"market_shock by the move of one pair: {plan.breakers.shock_pair} is not among the pairs")
    return tuple(off)


def _has(universe: Universe, symbol: str) -> bool:
    return any(symbol in universe.names_of(each) for each in universe.symbols)
