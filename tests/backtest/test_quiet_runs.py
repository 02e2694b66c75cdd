"""What a backtest reports is the same whether its machines were shown every bar, or those from which something follows.

Messages alone do not show it: the recorder looks at the state of the machines, too.
"""

import msgspec
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from services.backtest.result import Run
from services.backtest.run import BacktestRun
from shared.domain.plan import StrategyPlan
from tests.backtest.random_market import PLAN, STRATEGIES, random_options, random_reader
from tests.examples import examples

RETURNING = (
    StrategyPlan(name="rsi", kind="rsi", timeframe="1h", weight=0.5),
    StrategyPlan(name="bollinger", kind="bollinger", timeframe="4h", weight=0.5),
)
DAYS_ALONE = (
    StrategyPlan(name="days", kind="donchian", timeframe="1d", weight=1.0, parameters={"entry": 5, "exit": 3}),
)
PAIRS: tuple[tuple[str, ...], ...] = ((), ("POL/USDT",), ("OLD/USDT", "SOL/USDT"))
OPTIONS = st.fixed_dictionaries(
    {
        "market": st.sampled_from(["smooth", "jumping"]),
        "fill": st.sampled_from(["close", "next_open"]),
        "by_evidence": st.booleans(),
        "resume_after_hours": st.sampled_from([None, 0.0, 5.5, 24.0]),
        "cost_factor": st.sampled_from([0.0, 1.0, 3.0]),
        "books": st.sampled_from(["modelled", "none"]),
        "pairs": st.sampled_from(PAIRS),
    }
)


@settings(examples(8), phases=(Phase.explicit, Phase.reuse, Phase.generate))  # a seed has no smaller one
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.5, 1.0, 2.5, 5.0]),
    st.sampled_from([STRATEGIES, RETURNING, DAYS_ALONE]),
    OPTIONS,
)
@example(7297, 0.5, RETURNING, {"fill": "next_open", "cost_factor": 3.0, "books": "none"})  # a halt over pairs not held
def test_a_run_says_the_same_whatever_its_machines_were_shown(
    seed: int, wildness: float, strategies: tuple[StrategyPlan, ...], options: dict[str, object]
) -> None:
    quiet = recorded(seed, wildness, strategies, **options)
    full = recorded(seed, wildness, strategies, **options, every_bar=True)
    for name in Run.__struct_fields__:
        assert getattr(quiet, name) == getattr(full, name), name
    assert msgspec.json.encode(quiet) == msgspec.json.encode(full)


def recorded(seed: int, wildness: float, strategies: tuple[StrategyPlan, ...], **changes: object) -> Run:
    plan = msgspec.structs.replace(PLAN, strategies=strategies)
    run = BacktestRun(random_options(days=6, plan=plan, **changes), random_reader(seed, wildness=wildness))
    for _ in run.instants():
        pass
    return run.result()
