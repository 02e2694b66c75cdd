"""The process of a trial: a ``Trial`` as JSON comes in, its ``TrialResult`` goes out."""

import os
import sys

import msgspec

from shared.adapters.strategy_trial.trial import Trial, try_strategy


def main() -> None:
    """Whatever the strategy prints goes to standard error: the answer alone stands on standard output."""
    trial = msgspec.json.decode(sys.stdin.buffer.read(), type=Trial)
    answer = os.dup(1)
    os.dup2(2, 1)
    result = try_strategy(trial)
    os.write(answer, msgspec.json.encode(result))


main()
