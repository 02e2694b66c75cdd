"""A strategy in vectors says after each bar what it says bar by bar, wherever the bars are cut in pieces."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.strategies.registry import kind_named
from shared.runtime.columns import Floats
from shared.runtime.quiet.vectors import VECTORS, Series
from tests.domain.market_scripts import ohlc
from tests.examples import examples

PRICES = st.lists(st.floats(1.0, 1.1), min_size=0, max_size=120)


@st.composite
def parameters(draw: st.DrawFn) -> tuple[str, dict[str, float]]:
    kind = draw(st.sampled_from(sorted(set(VECTORS) - {"external"})))
    short, long = sorted(draw(st.lists(st.integers(1, 30), min_size=2, max_size=2, unique=True)))
    return kind, {"entry": long, "exit": short} if kind == "donchian" else {"fast": short, "slow": long}


def strengths(kind_name: str, given_parameters: dict[str, float], closes: list[float], highs: Floats) -> list[float]:
    kind = kind_named(kind_name)
    assert kind is not None
    strategy = kind.build(kind.completed(given_parameters))
    said = [
        strategy.on_bar(ohlc(number, close, float(high), close * 0.99, close))
        for number, (close, high) in enumerate(zip(closes, highs, strict=True))
    ]
    return [np.nan if each is None else each for each in said]


@examples(200)
@given(which=parameters(), closes=PRICES, cuts=st.lists(st.integers(0, 120), max_size=4))
def test_a_vector_says_what_the_strategy_says(
    which: tuple[str, dict[str, float]], closes: list[float], cuts: list[int]
) -> None:
    kind = kind_named(which[0])
    assert kind is not None
    vector = VECTORS[which[0]](kind.completed(which[1]))
    close = np.array(closes, dtype=np.float64)
    high, low = close * 1.01, close * 0.99
    edges = [0, *sorted(min(cut, len(closes)) for cut in cuts), len(closes)]
    parts = [vector.run(Series(high[a:b], low[a:b], close[a:b])) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), strengths(*which, closes, high))


@pytest.mark.parametrize("kind", sorted(VECTORS))
def test_no_bars_are_no_strengths(kind: str) -> None:
    found = kind_named(kind)
    assert found is not None
    nothing = np.empty(0)
    assert len(VECTORS[kind](found.completed({})).run(Series(nothing, nothing, nothing))) == 0
