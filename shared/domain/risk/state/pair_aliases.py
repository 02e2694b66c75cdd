"""Under which name a renamed pair trades now; what is said of one of its names is meant for that one."""

from shared.domain.risk.state.state import RiskState


def trading_name(state: RiskState, symbol: str) -> str:
    """The pair's name that trades; where none does, the one that was asked for. Empty stays empty."""
    listed = [name for name in aliases_of(state, symbol) if name in state.listings]
    return next((name for name in listed if state.listings[name].status == "trading"), (*listed, symbol)[0])


def aliases_of(state: RiskState, symbol: str) -> tuple[str, ...]:
    """Every name that the pair has or had, the one given first."""
    return tuple(dict.fromkeys((symbol, *state.universe.names_of(symbol))))
