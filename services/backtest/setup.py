"""With what a run was made, for whoever reads its result."""

from services.backtest.digests import code_digest, config_digest
from services.backtest.options import BacktestOptions
from services.backtest.result import Digests, Goals, RunSetup
from services.backtest.words import assumptions, rules_off


def setup_of(options: BacktestOptions, *, data: str) -> RunSetup:
    """data: the digest of what was read."""
    digests = Digests(data=data, config=config_digest(options), code=code_digest(options.plan))
    return RunSetup(
        command=options.command,
        heatsink=digests.code[:12],
        market=options.market,
        fill=options.fill,
        bars=options.market_bars,
        strategies=tuple(strategy.name for strategy in options.plan.strategies),
        resume_after_hours=options.resume_after_hours,
        phases="by_evidence" if options.by_evidence else "by_date",
        books=options.books,
        cost_factor=options.cost_factor,
        rules_off=rules_off(options),
        assumptions=assumptions(options),
        digests=digests,
        goals=_goals(options),
    )


def _goals(options: BacktestOptions) -> Goals:
    """What the plan watches: its own limits, and those that it states beside them."""
    limits = options.plan.limits
    return Goals(
        drawdown=limits.drawdown,
        heat=limits.heat,
        pair=limits.pair_cap_nav,
        sector=limits.sector_cap_nav,
        day_loss=options.plan.breakers.day_loss,
    )
