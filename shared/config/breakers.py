"""Checks of ``[breakers]`` that need more than one value."""

from shared.config.faults import did_you_mean
from shared.config.tables import Tables
from shared.domain.plan import BreakerPlan, Limits
from shared.domain.universe import Universe


def check_breakers(
    tables: Tables, file: str, breakers: BreakerPlan, limits: Limits | None, universe: Universe | None
) -> None:
    """The warning comes before the halt, gaps are remembered for as long as they are counted, the pair exists."""
    if limits is not None and breakers.drawdown_warning >= limits.drawdown:
        source, key = tables.place_of("breakers.drawdown_warning", file)
        problem = f"the warning would come no sooner than the halt (limits.drawdown {limits.drawdown:g})"
        remedy = "Lower breakers.drawdown_warning or raise limits.drawdown."
        tables.fault(source, key, breakers.drawdown_warning, problem, remedy)
    if breakers.shock_gap_minutes > breakers.cool_down_minutes:
        source, key = tables.place_of("breakers.shock_gap_minutes", file)
        problem = f"a gap is forgotten after its cool-down ({breakers.cool_down_minutes:g} minutes), before it counts"
        remedy = f"Write {breakers.cool_down_minutes:g} or less, or lengthen breakers.cool_down_minutes."
        tables.fault(source, key, breakers.shock_gap_minutes, problem, remedy)
    if universe is not None and breakers.shock_pair not in universe.symbols:
        source, key = tables.place_of("breakers.shock_pair", file)
        remedy = did_you_mean(breakers.shock_pair, universe.symbols)
        tables.fault(source, key, breakers.shock_pair, "no pair of the universe", remedy)
