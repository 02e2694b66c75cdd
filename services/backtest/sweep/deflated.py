"""How good the best of many trials would look by luck alone, and what is left of it: the deflated Sharpe ratio.

Bailey and Lopez de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting, and
Non-Normality", *Journal of Portfolio Management* 40(5), 2014. Of N trials without any skill, whose Sharpe ratios have
the variance V, the best one is expected at

    SR0 = sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)))

g: the Euler-Mascheroni constant; Z: the inverse of the standard normal distribution. The deflated Sharpe ratio is the
probability that the true Sharpe ratio of a trial exceeds SR0: the probabilistic Sharpe ratio with that goal. It counts
with skew and kurtosis of the returns and with how many there are.

Trials of a grid resemble each other, so that there are fewer independent ones than are counted, and the figure is
rather too low. Trials that were made elsewhere before are not counted, and then it is too high.
"""

from collections.abc import Sequence
from math import e, sqrt
from statistics import NormalDist, variance

from services.backtest.statistics.ratios import probability_of_sharpe_over

EULER_MASCHERONI = 0.5772156649015329
Z = NormalDist().inv_cdf


def expected_best(spread: float, trials: int) -> float:
    """The Sharpe ratio of the best of so many trials without skill. spread: variance of their Sharpe ratios."""
    if trials < 2:
        return 0.0
    luck = (1.0 - EULER_MASCHERONI) * Z(1.0 - 1.0 / trials) + EULER_MASCHERONI * Z(1.0 - 1.0 / (trials * e))
    return sqrt(spread) * luck


def best_by_luck(sharpes: Sequence[float | None]) -> float:
    """The same of these trials. One that has no Sharpe ratio counts as a trial, and not for the variance."""
    known = [each for each in sharpes if each is not None]
    return expected_best(variance(known), len(sharpes)) if len(known) > 1 else 0.0


def deflated_sharpe(returns: list[float], luck: float) -> float | None:
    """The probability that the true Sharpe ratio of daily returns exceeds what luck alone would give. luck: annual."""
    return probability_of_sharpe_over(luck, returns)
