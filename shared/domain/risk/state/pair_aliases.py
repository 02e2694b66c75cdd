"""The names of a pair that was renamed. A command on one of them is meant for the one that trades now."""

from shared.domain.risk.state.state import RiskState


def trading_name(state: RiskState, symbol: str) -> str:
    """The pair's name that trades; where none does, the one that was asked for. Empty stays empty."""
    listed = [name for name in aliases_of(state, symbol) if name in state.listings]
    return next((name for name in listed if state.listings[name].status == "trading"), (*listed, symbol)[0])


def aliases_of(state: RiskState, symbol: str) -> tuple[str, ...]:
    """Every name that the pair has or had, the one given first."""
    return tuple(dict.fromkeys((symbol, *state.universe.names_of(symbol))))


def held_as(state: RiskState, symbol: str) -> str:
    """The other name of a pair under which something is held; empty when there is none."""
    names = state.universe.names_of(symbol) if symbol in state.heat.pairs else ()
    return next((name for name in names if name != symbol and state.ledger.quantity(name)), "")
