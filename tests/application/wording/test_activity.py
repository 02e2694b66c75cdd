"""A run in lines: which messages are worth one, sizes by the bar, and how things stand."""

import msgspec

from shared.application.projection import Counts, Projection
from shared.application.wording.activity import SizeGroups, has_line, status_line
from shared.application.wording.one_line import event_line
from shared.messages.base import Message
from shared.messages.halts import Halted
from shared.messages.market import FeedLost, PairListed
from shared.messages.orders import OrderClosed
from shared.messages.signals import PositionSized
from tests.samples import HOUR, T0, D, header, proposal, samples


def size(symbol: str, hour: int) -> PositionSized:
    found = next(message for message in samples() if isinstance(message, PositionSized))
    return msgspec.structs.replace(found, symbol=symbol, bar_open_time_ns=T0 + hour * HOUR)


def test_only_messages_worth_a_line_get_one() -> None:
    filled = OrderClosed(**header("c"), order_id="o", symbol="BTC/USDT", ending="filled", quantity_filled=D(1))
    expired = OrderClosed(**header("c"), order_id="o", symbol="BTC/USDT", ending="expired", quantity_filled=D(0))
    trading = PairListed(**header("p"), symbol="BTC/USDT", status="trading")
    halted = PairListed(**header("p"), symbol="BTC/USDT", status="halted", reason="BREAK")
    unlisted = PairListed(**header("p"), symbol="BTC/USDT", status="unlisted", reason="not listed on the exchange")
    assert [has_line(message) for message in (filled, expired, trading, halted, unlisted, proposal())] == [
        False, True, False, True, False, True,
    ]  # fmt: skip


def test_what_operators_have_to_hear_of_gets_a_line_and_what_comes_all_the_time_gets_none() -> None:
    with_line = {type(message).__name__ for message in samples() if has_line(message)}
    assert with_line >= {
        "OrderProposed", "OrderDecided", "OrderFilled", "FeedLost", "FeedRestored", "MessageRefused", "CommandRefused",
        "Halted", "Resumed", "ResumeAsked", "Alerted", "LimitsChanged", "PhaseProposed", "PhaseChanged",
    }  # fmt: skip
    assert not with_line & {
        "BarClosed", "MarkChanged", "BookSampled", "SignalRaised", "PositionSized", "PortfolioMarked", "OrderPlaced",
        "StopRaised", "StopApproved", "StopPlaced", "CancelProposed", "CancelDecided", "Halt", "Resume", "Flatten",
        "SetLimits", "SetPhase", "ApprovePhase", "RoomAsked", "RoomAnswered", "ShadowAsked", "ShadowCounted",
    }  # fmt: skip


def test_sizes_of_one_bar_are_told_as_one_line() -> None:
    groups = SizeGroups()
    assert groups.add(size("BTC/USDT", 0)) is None
    assert groups.add(size("ETH/USDT", 0)) is None
    line = groups.add(size("BTC/USDT", 1))
    assert line is not None
    assert "2 pairs on the 1h bar, $10,677 in all; set by equity_at_risk 2" in line
    assert "1 pair on the 1h bar" in groups.flush()[0]
    assert groups.flush() == []


def first_words() -> list[Message]:
    """What market_data and risk say before anything was heard of the exchange."""
    lost = FeedLost(**header("l"), feed="connection", reason="market data is starting", last_seen_ns=0)
    halted = next(message for message in samples() if isinstance(message, Halted))
    words = {"trigger": "feed", "evidence": "not heard yet", "awaited": True, "mode": "halted"}
    return [lost, msgspec.structs.replace(halted, id="h", symbol="", **words)]


def test_an_exchange_that_was_not_heard_yet_is_waited_for_and_not_lost() -> None:
    state, counts = Projection(), Counts()
    for message in first_words():
        assert event_line(message)[21:].startswith("waiting   for the exchange: ")
        state.take(message)
    line = status_line(state, counts, seconds=1.0, restarts=0)
    assert line.endswith("waiting for the exchange")
    assert not any(word in line for word in ("HALTED", "lost"))
    gone = FeedLost(**header("g"), feed="connection", reason="no frame", last_seen_ns=T0)
    state.take(gone)
    assert "feeds lost: 1" in status_line(state, counts, seconds=2.0, restarts=0)
    assert event_line(gone)[21:].startswith("FEED LOST")


def test_a_halt_from_before_it_said_whether_its_feed_was_ever_heard_is_shown_as_a_halt() -> None:
    """Rather one warning too many than a lost feed that looks like one to come."""
    state, halted = Projection(), first_words()[1]
    state.take(msgspec.structs.replace(halted, awaited=False))  # type: ignore[call-arg]
    assert "HALTED" in status_line(state, Counts(), seconds=1.0, restarts=0)
