"""The process of a trial: a ``StrategyPlan`` as JSON comes in, its ``TrialResult`` goes out."""

import os
import sys

import msgspec

from shared.adapters.strategy_trial.trial import try_strategy
from shared.domain.plan import StrategyPlan


def main() -> None:
    """Whatever the strategy prints goes to standard error: the answer alone stands on standard output."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=StrategyPlan)
    answer = os.dup(1)
    os.dup2(2, 1)
    result = try_strategy(plan)
    os.write(answer, msgspec.json.encode(result))


main()
