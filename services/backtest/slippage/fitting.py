"""Y of a class by quantile regression: so that half_spread + Y x unit covers a wanted share of what was walked.

It is fitted on the earlier half of the samples and judged on the later one. In one dimension the least pinball loss has
a closed form. With r = (walked - half_spread) / unit, loss(Y) = sum of unit x pinball(Y - r), which is least at the
quantile of r weighted by unit. A book that was too thin has an infinite r, and takes part like any other.
"""

from collections.abc import Sequence
from math import isfinite

from services.backtest.slippage.judging import Cost, share_below_zero
from services.backtest.slippage.quantiles import in_bp, pinball_loss, quantile, weighted_quantile
from services.backtest.slippage.results import Fit
from shared.domain.plan import Costs

WANTED = 0.95
LEAST_SAMPLES = 100  # in each half


def fitted_factor(part: Sequence[Cost], half_spread: float, wanted: float = WANTED) -> float | None:
    """The Y, at least 0; None where there is none that covers so much."""
    found = weighted_quantile(
        (((each.walked - half_spread) / each.unit, each.unit) for each in part if each.unit > 0), wanted
    )
    return max(0.0, found) if found is not None and isfinite(found) else None


def fit_class(
    liquidity: str, pairs: int, costs_by_size: dict[float, list[Cost]], costs: Costs, wanted: float = WANTED
) -> Fit | None:
    """The Y of one class; None where a half has too few samples."""
    whole = sorted(cost for found in costs_by_size.values() for cost in found)
    split_ns = whole[len(whole) // 2].time_ns if whole else 0
    earlier = [each for each in whole if each.time_ns < split_ns]
    later = [each for each in whole if each.time_ns >= split_ns]
    if min(len(earlier), len(later)) < LEAST_SAMPLES:
        return None
    found = fitted_factor(earlier, costs.half_spread, wanted)
    before = _judge(later, costs, costs.slippage_factor, wanted)
    after = _judge(later, costs, found, wanted) if found is not None else (None, None, None)
    return Fit(
        liquidity=liquidity,
        pairs=pairs,
        split_ns=split_ns,
        samples_fitted=len(earlier),
        samples_judged=len(later),
        wanted=wanted,
        factor=costs.slippage_factor,
        fitted=found,
        too_cheap_before=before[0] or 0.0,
        too_cheap_after=after[0],
        loss_before=before[1],
        loss_after=after[1],
        over_before_bp=before[2],
        over_after_bp=after[2],
        stress_fitted=sum(each.is_stress for each in earlier),
        stress_judged=sum(each.is_stress for each in later),
    )


def _judge(
    part: Sequence[Cost], costs: Costs, factor: float, wanted: float
) -> tuple[float | None, float | None, float | None]:
    """The share in which it was too cheap, the mean pinball loss and the median of model less walked."""
    over = sorted(each.over(costs, factor) for each in part)
    loss = sum(pinball_loss(each, wanted) for each in over) / len(over)
    return share_below_zero(over), in_bp(loss), in_bp(quantile(over, 0.5))
