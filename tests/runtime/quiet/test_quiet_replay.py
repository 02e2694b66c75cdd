"""The quiet replay gives the messages of the full one, bit by bit, and the same figures after every moment.

Only sizes are left out.
"""

from itertools import zip_longest

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.domain.plan import BreakerPlan, Limits, Plan
from shared.messages.signals import SignalRaised
from shared.runtime.quiet import QuietReplay
from tests.examples import examples
from tests.runtime.quiet.scenes import (
    BY_DATE,
    UNIVERSE,
    Course,
    Scene,
    course_of,
    plan_with,
    specs_of,
    strategy,
)
from tests.samples import bar
from tests.tables import sampled

pytestmark = pytest.mark.long

HOURLY = (strategy("donchian", "1h", entry=6, exit=3), strategy("momentum", "1h", fast=3, slow=8))
MIXED = (
    strategy("donchian", "4h", entry=4, exit=2),
    strategy("momentum", "1h", fast=3, slow=8),
    strategy("external", "1h"),
)
SHOWN = (strategy("rsi", "1h", length=2, trend=6, exit=2, below=40), strategy("donchian", "4h", entry=4, exit=2))
DAILY = (strategy("donchian", "1d", entry=2, exit=1), strategy("donchian", "1h", entry=5, exit=5))
PLANS = (
    plan_with(),
    BY_DATE,
    plan_with(limits=Limits(book_age_seconds=0.0, heat=0.01), breakers=BreakerPlan(reduce_heat=True, gap_atr=0.4)),
    plan_with(shadow=Limits(heat=0.02, book_age_seconds=0.0), breakers=BreakerPlan(off=("liquidity", "gap"))),
    plan_with(limits=Limits(book_age_seconds=0.0, drawdown=0.02, pair_cap_nav=0.3, max_order_usdt=90_000.0)),
)
SCENES = st.builds(
    Scene,
    seed=st.integers(0, 2**32 - 1),
    strategies=st.sampled_from((HOURLY, MIXED, SHOWN, DAILY)),
    base=st.sampled_from(("", "", "30m")),
    days=st.integers(2, 6),
    holes=st.sampled_from((0.0, 0.01, 0.3)),
    jumps=st.sampled_from((0.0, 0.002, 0.02)),
    events=st.sampled_from((0.0, 0.05, 0.4)),
    blocks=st.integers(1, 4),
    is_late=st.booleans(),
    is_jumping=st.booleans(),
    plan=st.sampled_from(PLANS),
)


def assert_same(full: Course, quiet: Course) -> None:
    for number, (one, other) in enumerate(zip_longest(full.without_sizes, quiet.without_sizes)):
        assert one == other, f"message {number} differs"
    assert full.figures == quiet.figures
    assert not quiet.sizes


@settings(examples(30), phases=(Phase.explicit, Phase.reuse, Phase.generate))  # a seed has no smaller one
@given(scene=SCENES)
def test_both_replays_say_the_same(scene: Scene) -> None:
    assert_same(course_of(scene, quiet=False), course_of(scene, quiet=True))


@pytest.mark.parametrize("plan", sampled(PLANS, every=2))
def test_both_replays_say_the_same_where_something_is_bought(plan: Plan) -> None:
    scene = Scene(seed=5, strategies=HOURLY, plan=plan)
    full, quiet = course_of(scene, quiet=False), course_of(scene, quiet=True)
    assert_same(full, quiet)
    assert any(type(each).__name__ == "OrderFilled" for each in full.messages)
    assert full.sizes


def test_bars_are_not_fed_one_by_one() -> None:
    specs, settings = specs_of(Scene(seed=1, strategies=HOURLY, plan=plan_with()), UNIVERSE)
    replay = QuietReplay(specs, settings.keys, UNIVERSE)
    with pytest.raises(ValueError, match="as blocks"):
        replay.feed([bar("BTC/USDT")])


def test_a_strategy_without_a_vector_form_sees_every_bar() -> None:
    scene = Scene(seed=3, strategies=SHOWN, plan=plan_with())
    full, quiet = course_of(scene, quiet=False), course_of(scene, quiet=True)
    assert_same(full, quiet)
    raised = [each for each in quiet.messages if isinstance(each, SignalRaised)]
    assert any(each.strategy.startswith("rsi") for each in raised)
