"""Return, risk, and the ratios of both, on daily returns as fractions. No riskless rate is taken off anywhere.

A market that never closes has 365 days a year. Figures with 252 days, as is usual for stocks, do not compare.
Whatever cannot be told of so few or such returns is None, never NaN.
"""

from math import erf, sqrt
from typing import NamedTuple

from services.backtest.statistics.daily import compounded
from shared.domain.portfolio.performance import DAYS_A_YEAR, sharpe_of

NORMAL_95 = 1.959964  # half the width of an interval of 95 %, in standard errors


class Interval(NamedTuple):
    """An interval of 95 %."""

    low: float
    high: float


def cagr_of(returns: list[float]) -> float | None:
    """Compound annual growth rate: (end / start) ^ (365 / days) - 1. None where it is beyond all numbers."""
    if not returns:
        return None
    growth = 1.0 + compounded(returns)
    if growth <= 0.0:
        return -1.0
    try:
        return float(growth ** (DAYS_A_YEAR / len(returns))) - 1.0
    except OverflowError:
        return None


def volatility_of(returns: list[float]) -> float | None:
    """Sample standard deviation of daily returns x sqrt(365)."""
    if len(returns) < 2:
        return None
    mean = sum(returns) / len(returns)
    return sqrt(sum((each - mean) ** 2 for each in returns) / (len(returns) - 1) * DAYS_A_YEAR)


def sharpe_interval(returns: list[float]) -> Interval | None:
    """Within which the true Sharpe ratio lies in 95 of 100 cases, annualised.

    The standard error of the daily ratio SR over n days is sqrt((1 - skew SR + (kurtosis - 1) / 4 SR^2) / (n - 1)):
    Mertens, "Comments on variance of the IID estimator in Lo (2002)", which becomes Lo's sqrt((1 + SR^2 / 2) / n) for
    normal returns (Lo, "The Statistics of Sharpe Ratios", *Financial Analysts Journal* 58, 2002). Days count as
    independent: where returns follow each other, the true interval is wider.
    """
    sharpe, error = sharpe_of(returns), _sharpe_error(returns)
    if sharpe is None or error is None:
        return None
    return Interval(sharpe - NORMAL_95 * error, sharpe + NORMAL_95 * error)


def probability_of_sharpe_over(goal: float, returns: list[float]) -> float | None:
    """How likely it is that the true Sharpe ratio exceeds the goal.

    Probabilistic Sharpe ratio: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", *Journal of Risk* 15,
    2012.
    """
    sharpe, error = sharpe_of(returns), _sharpe_error(returns)
    if sharpe is None or not error:
        return None
    return 0.5 * (1.0 + erf((sharpe - goal) / error / sqrt(2.0)))


def _sharpe_error(returns: list[float]) -> float | None:
    """Standard error of the annualised Sharpe ratio."""
    annual = sharpe_of(returns)
    if annual is None:
        return None
    daily, count = annual / sqrt(DAYS_A_YEAR), len(returns)
    mean = sum(returns) / count
    second, third, fourth = (sum((each - mean) ** power for each in returns) / count for power in (2, 3, 4))
    if second**2 <= 0.0:  # so small that its square is nothing
        return None
    skew, kurtosis = third / second / sqrt(second), fourth / second**2
    return standard_error(daily, count, skew, kurtosis) * sqrt(DAYS_A_YEAR)


def standard_error(sharpe: float, count: int, skew: float, kurtosis: float) -> float:
    """Of a Sharpe ratio that is not annualised, over so many returns of this skew and kurtosis (3 for normal ones)."""
    variance = (1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2) / (count - 1)
    return sqrt(max(0.0, variance))


def sortino_of(returns: list[float]) -> float | None:
    """Mean daily return over downside deviation x sqrt(365); the deviation is the root of the mean of min(r, 0)^2.

    Sortino and Price, "Performance Measurement in a Downside Risk Framework", *Journal of Investing*, 1994: the mean is
    taken over all days, not only over those that lost. None where no day lost.
    """
    if not returns:
        return None
    downside = sqrt(sum(min(each, 0.0) ** 2 for each in returns) / len(returns))
    if downside <= 0.0:
        return None
    return sum(returns) / len(returns) / downside * sqrt(DAYS_A_YEAR)


def deepest_fall(returns: list[float]) -> float:
    """The largest drawdown of daily returns, as a positive fraction; the start counts as a peak."""
    growth = peak = 1.0
    deepest = 0.0
    for each in returns:
        growth *= 1.0 + each
        peak = max(peak, growth)
        deepest = max(deepest, 1.0 - growth / peak)
    return deepest


def calmar_of(returns: list[float]) -> float | None:
    """CAGR over the largest drawdown of daily NAV, over the whole run (Young, *Futures*, 1991, took three years)."""
    growth, fall = cagr_of(returns), deepest_fall(returns)
    return None if growth is None or fall <= 0.0 else growth / fall


class AgainstMarket(NamedTuple):
    """How daily returns move with those of the basket. beta: their slope over it."""

    correlation: float
    beta: float


def against_market(returns: list[float], market: list[float]) -> AgainstMarket | None:
    """Pearson's correlation and the slope by least squares; None where days are not the same, or one never moves."""
    count = len(returns)
    if count != len(market) or count < 3:
        return None
    mean, market_mean = sum(returns) / count, sum(market) / count
    own = sum((each - mean) ** 2 for each in returns)
    others = sum((each - market_mean) ** 2 for each in market)
    both = sum((each - mean) * (other - market_mean) for each, other in zip(returns, market, strict=True))
    if own <= 1e-24 or others <= 1e-24:
        return None
    return AgainstMarket(max(-1.0, min(1.0, both / sqrt(own) / sqrt(others))), both / others)
