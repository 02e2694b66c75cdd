"""Makes ``empyrical.json`` anew: what empyrical-reloaded says. It pulls 226 MB, so it is no requirement.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install empyrical-reloaded==0.7.1
    /tmp/oracle/bin/python tests/backtest/statistics/empyrical_oracle.py > tests/backtest/statistics/empyrical.json

The test compares with the file always, and with the library itself wherever it can be imported.
"""

import json
import math
import random
import sys
from importlib.metadata import version

SCENES = {
    "calm": (0.0012, 0.011, 400),
    "wild": (-0.002, 0.06, 1000),
    "short": (0.01, 0.03, 5),
    "lucky": (0.02, 0.004, 90),
}
DAYS_A_YEAR = 365


def returns_of(scene: str) -> list[float]:
    """The same in every Python: Mersenne Twister by ``random()``, and the sum of twelve for a normal."""
    mean, deviation, count = SCENES[scene]
    dice = random.Random(scene)
    return [mean + deviation * (sum(dice.random() for _ in range(12)) - 6.0) for _ in range(count)]


def market_of(scene: str) -> list[float]:
    """A basket that moves with it in part."""
    dice = random.Random(f"{scene} market")
    return [0.4 * each + 0.02 * (dice.random() - 0.5) for each in returns_of(scene)]


def figures(scene: str) -> dict[str, float | None]:
    """What empyrical says; None where it says infinite or no number."""
    import empyrical
    import pandas as pd

    index = pd.date_range("2021-01-01", periods=len(returns_of(scene)), freq="D", tz="UTC")
    returns, market = pd.Series(returns_of(scene), index), pd.Series(market_of(scene), index)
    months = empyrical.aggregate_returns(returns, "monthly")
    found = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.annual_return(returns, annualization=DAYS_A_YEAR),
        "volatility": empyrical.annual_volatility(returns, annualization=DAYS_A_YEAR),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=DAYS_A_YEAR),
        "sortino": empyrical.sortino_ratio(returns, annualization=DAYS_A_YEAR),
        "calmar": empyrical.calmar_ratio(returns, annualization=DAYS_A_YEAR),
        "max_drawdown": -empyrical.max_drawdown(returns),
        "beta": empyrical.beta(returns, market),
        "correlation": returns.corr(market),
        **{f"{year}-{month:02}": value for (year, month), value in months.items()},
    }
    return {name: float(value) if math.isfinite(value) else None for name, value in found.items()}


if __name__ == "__main__":
    made = {"empyrical-reloaded": version("empyrical-reloaded"), **{scene: figures(scene) for scene in SCENES}}
    json.dump(made, sys.stdout, indent=1)
    print()
