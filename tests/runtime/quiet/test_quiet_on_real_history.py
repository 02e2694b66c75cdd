"""Real crashes through both replays: the same messages, with stops, halts, gaps, and prices that jump within a bar."""

from pathlib import Path
from typing import get_args

import pytest

from services.backtest.result import MarketKind
from shared.messages.base import Message
from shared.messages.halts import Halted
from shared.messages.orders import OrderFilled
from shared.messages.signals import PositionSized
from tests.simulation.crash_windows import ALL_ON, Window, started
from tests.tables import sampled

pytestmark = pytest.mark.long

WINDOWS = (Window("Terra and LUNA", "2022-05-05", 7), Window("FTX", "2022-11-07", 4))


def course_of(data: Path, window: Window, market: MarketKind, *, every_bar: bool) -> list[Message]:
    """A halt that waits for an operator is resumed a day later."""
    run = started(data, window, ALL_ON, market, every_bar=every_bar)
    return [message for messages in run.instants() for message in messages]


@pytest.mark.parametrize("market", sampled(get_args(MarketKind), every=2))
@pytest.mark.parametrize("window", sampled(WINDOWS, every=2, since=1), ids=lambda window: window.title)
def test_both_replays_say_the_same_of_a_crash(window: Window, market: MarketKind, data_dir: Path) -> None:
    full = course_of(data_dir, window, market, every_bar=True)
    quiet = course_of(data_dir, window, market, every_bar=False)
    assert quiet == [each for each in full if not isinstance(each, PositionSized)]
    assert any(isinstance(each, PositionSized) for each in full)
    assert any(isinstance(each, OrderFilled) and each.stop for each in full)
    assert any(isinstance(each, Halted) for each in full)
