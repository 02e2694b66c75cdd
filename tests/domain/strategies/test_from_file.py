"""Strategies that users bring as files: what is built, what is refused, and what happens when one fails on a bar."""

import math
import pickle
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.base import Fault, ParameterError
from shared.domain.strategies.from_file import code_digest, source_digest
from shared.domain.strategies.guarded import GuardedStrategy
from shared.domain.strategies.registry import build_strategy, faults_of
from tests.domain.market_scripts import flat, strategy
from tests.domain.strategies.closes import wishes
from tests.domain.strategies.files import FOLLOWS, file_plan, says


def built(source: str = FOLLOWS, **parameters: float) -> GuardedStrategy:
    found = build_strategy(file_plan(source, parameters=parameters))
    assert isinstance(found, GuardedStrategy)
    return found


def the_fault(plan: StrategyPlan) -> Fault:
    with pytest.raises(ParameterError) as caught:
        build_strategy(plan)
    [fault] = caught.value.faults
    assert fault.remedy
    return fault


def failure_of(expression: str, *, warmup: int = 1, bars: int = 3) -> str:
    guarded = built(says(expression, warmup=warmup))
    wishes(guarded, [100.0] * bars)
    return guarded.failure


# --- what is built ------------------------------------------------------------------------------------------------


def test_a_file_says_what_its_class_says() -> None:
    assert wishes(built(), [1, 2, 3, 2, 1, 5]) == [None, None, 1.0, 0.0, 0.0, 1.0]


def test_parameters_reach_the_class_and_whole_numbers_can_count_bars() -> None:
    source = """
class Mine:
    def __init__(self, bars, share):
        self.warmup_bars, self.share = bars, share

    def on_bar(self, bar):
        return self.share * len([1] * self.warmup_bars)
"""
    assert wishes(built(source, bars=2.0, share=0.25), [1]) == [0.5]


def test_each_pair_has_an_instance_of_its_own_and_the_file_is_run_once() -> None:
    one, other = built(), built()
    wishes(one, [1, 2, 3])
    assert wishes(other, [1]) == [None]
    assert type(one._on_bar.__self__) is type(other._on_bar.__self__)  # type: ignore[attr-defined]


def test_a_file_may_use_dataclasses_and_annotations_as_any_module_may() -> None:
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass Mine:\n"
    source += "    warmup_bars: int = 1\n\n    def on_bar(self, bar: BarClosed) -> float | None:\n        return 0.5\n"
    assert wishes(built(source), [1, 2]) == [0.5, 0.5]


def test_a_plan_with_its_text_goes_to_another_process_by_pickle_or_json_and_runs_there() -> None:
    plan = file_plan()
    there = [pickle.loads(pickle.dumps(plan)), msgspec.json.decode(msgspec.json.encode(plan), type=StrategyPlan)]
    assert there == [plan, plan]
    assert wishes(build_strategy(there[1]), [1, 2, 3])[-1] == 1.0


@pytest.mark.parametrize(("said", "wanted"), [("1", 1.0), ("0", 0.0), ("-0.0", 0.0), ("0.25", 0.25)])
def test_a_whole_number_is_as_good_as_a_float_and_there_is_no_negative_zero(said: str, wanted: float) -> None:
    [strength] = wishes(built(says(said)), [100])
    assert type(strength) is float
    assert math.copysign(1, strength) == 1
    assert strength == wanted


def test_a_float_of_numpy_becomes_a_plain_one() -> None:
    [strength] = wishes(built("import numpy\n" + says("numpy.float64(0.5)")), [100])
    assert type(strength) is float


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "name", "told"),
    [
        (file_plan(file=""), "file", "name the file of the strategy"),
        (file_plan(class_name=""), "class_name", "name the class in the file"),
        (file_plan("class Mine\n    pass"), "file", "line 1 is not Python"),
        (file_plan("x = 1\x00"), "file", "not Python"),
        (file_plan("class Other: ...\nclass More: ..."), "class_name", "set one of Other, More"),
        (file_plan("Mine = 3"), "class_name", "write the class with on_bar(self, bar) and warmup_bars"),
        (file_plan("class Mine:\n    warmup_bars = 1\n"), "class_name", "has no on_bar"),
        (file_plan("class Mine:\n    def on_bar(self, bar): ...\n"), "class_name", "has no warmup_bars"),
        (file_plan("import not_there\n" + FOLLOWS), "file", "No module named 'not_there' (line 1)"),
        (file_plan(FOLLOWS + "\n1 / 0\n"), "file", "ZeroDivisionError: division by zero (line 13)"),
        (file_plan(FOLLOWS + "\nraise SystemExit(3)\n"), "file", "SystemExit: 3 (line 13)"),
        (file_plan(FOLLOWS + "\nMine = 3\n"), "class_name", "has no class of this name when it was loaded"),
        (
            file_plan(parameters={"size": 3}),
            "parameters",
            "takes (length=3): got an unexpected keyword argument 'size'",
        ),
        (file_plan(parameters={"length": 0}), "warmup_bars", "set self.warmup_bars to the bars that it needs"),
        (file_plan(parameters={"length": 1001}), "warmup_bars", "1 to 1000"),
        (file_plan(parameters={"length": 2.5}), "warmup_bars", "no number of bars"),
        (file_plan(says("0.0").replace("self.bars = 0", "1 / 0")), "parameters", "raises when it is built: Zero"),
        (file_plan(says("0.0").replace("self, bar)", "self)")), "on_bar", "does not take one bar"),
        (file_plan(says("0.0").replace("def on_bar", "async def on_bar")), "on_bar", "cannot be waited for"),
        (file_plan(says("0.0").replace("self.bars = 0", "self.on_bar = 7")), "on_bar", "has no such method"),
        (
            file_plan(says("0.0").replace("warmup_bars = 1", "@property\n    def warmup_bars(self): return 1 / 0")),
            "warmup_bars",
            "raises when asked for it",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_what_where_and_a_remedy(plan: StrategyPlan, name: str, told: str) -> None:
    fault = the_fault(plan)
    assert fault.name == name
    assert told in str(fault)


def test_what_the_text_shows_is_found_without_running_it() -> None:
    sound = file_plan("import sys\nsys.modules['ran'] = 1\n" + FOLLOWS)
    assert faults_of(sound) == ()
    assert "ran" not in sys.modules


@given(st.text(max_size=80))
def test_whatever_text_a_file_holds_it_is_refused_or_built(text: str) -> None:
    try:
        build_strategy(file_plan(text))
    except ParameterError as error:
        assert error.faults


# --- what fails on a bar ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("math.nan", "returned nan"),
        ("math.inf", "returned inf"),
        ("2.0", "returned 2.0"),
        ("-0.1", "returned -0.1"),
        ("'long'", "returned 'long'"),
        ("True", "returned True"),
        ("[1.0]", "returned [1.0]"),
        ("10 ** 400", "returned 1000"),
        ("1 / (bar.close - 100)", "raised ZeroDivisionError: float division by zero (line 12)"),
        ("exit(1)", "raised SystemExit: 1"),
        ("bar.price", "raised AttributeError: 'BarClosed' object has no attribute 'price'"),
        ("setattr(bar, 'close', 1.0)", "raised AttributeError: immutable type"),
        ("(lambda f: f(f))(lambda f: f(f))", "raised RecursionError"),
    ],
)
def test_a_failure_names_strategy_file_class_value_bar_and_remedy(said: str, told: str) -> None:
    failure = failure_of(said)
    assert told in failure
    for part in ("strategy mine", "class Mine", "strategies/mine.py", "1h bar of BTC/USDT", "correct the file"):
        assert part in failure


def test_a_strategy_that_never_warms_up_is_stopped_one_bar_after_it_should_have() -> None:
    assert failure_of("None", warmup=3, bars=3) == ""
    assert "still returns None on bar 4, with warmup_bars = 3" in failure_of("None", warmup=3, bars=4)


def test_none_after_an_answer_changes_nothing() -> None:
    guarded = built(says("0.5 if self.bars == 1 else None"))
    assert wishes(guarded, [100.0] * 9) == [0.5] + [None] * 8
    assert guarded.failure == ""


def test_a_stopped_strategy_is_asked_no_more() -> None:
    guarded = built(says("1.0 if self.bars != 2 else 'x'"))
    assert [guarded.on_bar(flat(hour)) for hour in range(4)] == [1.0, None, None, None]
    assert guarded._on_bar.__self__.bars == 2  # type: ignore[attr-defined]


def test_what_cannot_even_be_printed_is_told_nevertheless() -> None:
    odd = "class Odd(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\n"
    assert "returned a Odd" in wishes_of(odd + says("Odd()"))
    assert "raised Odd: (no text)" in wishes_of(odd + says("(_ for _ in ()).throw(Odd())"))


def wishes_of(source: str) -> str:
    guarded = built(source)
    wishes(guarded, [100.0])
    return guarded.failure


# --- what ran -----------------------------------------------------------------------------------------------------


def test_the_digest_of_the_code_changes_with_any_text_and_with_nothing_else() -> None:
    trend = strategy("trend", weight=0.1)
    one, other = file_plan(weight=0.1), file_plan(says("0.0"), name="other", weight=0.1)
    digest = code_digest(Plan(strategies=(trend, one, other)))
    assert len(digest) == 64
    assert digest == code_digest(Plan(strategies=(other, msgspec.structs.replace(one, file="else/where.py"))))
    assert digest != code_digest(Plan(strategies=(one,)))
    assert digest != code_digest(Plan(strategies=(file_plan(FOLLOWS + " "), other)))
    assert code_digest(Plan(strategies=(trend,))) == source_digest(trend) == ""
    assert len(source_digest(one)) == 12
