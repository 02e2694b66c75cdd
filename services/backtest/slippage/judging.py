"""The model against what was walked, in groups of samples."""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import isfinite
from statistics import median
from typing import NamedTuple

from services.backtest.slippage.groups import Liquidity, liquidity_of, stress_flags
from services.backtest.slippage.quantiles import in_bp, quantile
from services.backtest.slippage.results import Moments, Row
from services.backtest.slippage.series import PairSeries
from shared.domain.liquidity import square_root_slippage
from shared.domain.plan import Costs

MOST_JUDGED = 10_000  # samples of a pair, taken evenly over the time: a week of them, one a minute
ROUNDING = 1e-12
SHARES = {"p1_bp": 0.01, "p5_bp": 0.05, "p50_bp": 0.5, "p95_bp": 0.95, "p99_bp": 0.99}


class Cost(NamedTuple):
    """One sample at one size.

    unit: what the law says for Y = 1, as a fraction. walked: as a fraction, infinite where the book was too thin.
    touch: half the distance of bid and ask, as a fraction.
    """

    time_ns: int
    is_stress: bool
    unit: float
    walked: float
    touch: float = 0.0

    def model(self, costs: Costs, factor: float) -> float:
        """What the model says, as a fraction."""
        return costs.half_spread + factor * self.unit

    def over(self, costs: Costs, factor: float) -> float:
        """The model less what was walked."""
        return self.model(costs, factor) - self.walked

    def over_beyond(self, factor: float) -> float:
        """The law alone less what was walked beyond the best price: where a book is known, its spread is paid."""
        return factor * self.unit - (self.walked - self.touch)


class Judged(NamedTuple):
    """A pair whose samples were sifted. costs: by size, in the order of time."""

    symbol: str
    liquidity: Liquidity
    costs: dict[float, list[Cost]]


def judged(series: PairSeries, sizes_usdt: Sequence[float]) -> Judged:
    """The costs of a pair, in its class: by the median of its ADV over the samples. Of very many, every so manieth."""
    stress = stress_flags(series.times_ns, series.mids, series.sigmas)
    step = -(-len(series.times_ns) // MOST_JUDGED)
    costs = {
        size: [
            Cost(time_ns, flag, square_root_slippage(size, factor=1.0, sigma_day=sigma, adv_usdt=adv), walked, touch)
            for time_ns, flag, adv, sigma, touch, walked in islice(
                zip(series.times_ns, stress, series.advs, series.sigmas, series.touches, walked_at, strict=True),
                0,
                None,
                step,
            )
        ]
        for size, walked_at in zip(sizes_usdt, series.walked, strict=True)
    }
    return Judged(series.symbol, liquidity_of(median(series.advs)), costs)


def rows_of(group: str, liquidity: str, costs_by_size: dict[float, list[Cost]], costs: Costs) -> Iterator[Row]:
    """A row for each size and kind of moment that has samples."""
    for size, found in costs_by_size.items():
        parts: dict[Moments, list[Cost]] = {
            "all": found,
            "calm": [each for each in found if not each.is_stress],
            "stress": [each for each in found if each.is_stress],
        }
        for moments, part in parts.items():
            if part:
                yield _row(group, liquidity, moments, size, part, costs)


def _row(group: str, liquidity: str, moments: Moments, size: float, part: list[Cost], costs: Costs) -> Row:
    over = sorted(each.over(costs, costs.slippage_factor) for each in part)
    return Row(
        group=group,
        liquidity=liquidity,
        moments=moments,
        size_usdt=size,
        samples=len(part),
        walked_p50_bp=in_bp(quantile(sorted(each.walked for each in part), 0.5)),
        model_p50_bp=in_bp(quantile(sorted(each.model(costs, costs.slippage_factor) for each in part), 0.5)),
        **{name: in_bp(quantile(over, share)) for name, share in SHARES.items()},
        too_cheap=share_below_zero(over),
        too_cheap_beyond=share_below_zero([each.over_beyond(costs.slippage_factor) for each in part]),
        half_spread_p50_bp=in_bp(quantile(sorted(each.touch for each in part), 0.5)),
        too_thin=sum(not isfinite(each.walked) for each in part) / len(part),
    )


def share_below_zero(values: Sequence[float]) -> float:
    """The share of them that are below 0 by more than the last digits of a float."""
    return sum(value < -ROUNDING for value in values) / len(values)


def pooled(pairs: Sequence[Judged]) -> dict[float, list[Cost]]:
    """The costs of several pairs together, in the order of time."""
    sizes = pairs[0].costs if pairs else {}
    return {size: sorted(cost for pair in pairs for cost in pair.costs[size]) for size in sizes}
