"""The figures of a run: returns, ratios, drawdowns, trades, costs, and the plan's scorecard.

``figures_of`` makes them all. Each formula names its source where it stands; those that empyrical-reloaded has too are
equal to its own (``tests/backtest/statistics/``).
"""

from services.backtest.statistics.figures import Figures, figures_of, variant_of

__all__ = ["Figures", "figures_of", "variant_of"]
