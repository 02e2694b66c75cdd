"""A strategy that runs in another process: it has a name, a timeframe and a share in the blend, and no code here.

The process publishes ``SignalRaised`` on ``hs:signals`` under that name; sizing blends it like any other.
"""

from shared.domain.strategies.base import Parameters, StrategyKind
from shared.messages.market import BarClosed


class External:
    """A strategy without a rule here: it never raises a signal by itself."""

    warmup_bars = 1

    def on_bar(self, bar: BarClosed) -> float | None:
        return None


def _build(parameters: Parameters) -> External:
    return External()


EXTERNAL = StrategyKind(
    name="external",
    about="signals come from another process, under the strategy's name",
    parameters=(),
    build=_build,
)
