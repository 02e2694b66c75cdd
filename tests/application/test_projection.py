"""The one fold of messages: what each kind changes, in which order they count, and that history may be read twice."""

import random
from typing import TypeVar

import pytest
from msgspec import structs

from shared.application.projection import Counts, Projection, is_not_yet_connected
from shared.messages.base import Message
from shared.messages.catalogue import TOPIC_OF
from shared.messages.control import Halt
from shared.messages.halts import Alerted, Halted, Resumed
from shared.messages.market import FeedLost, FeedRestored, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import CommandRefused, PortfolioMarked
from shared.messages.signals import PositionSized, SignalRaised
from tests.samples import HOUR, T0, D, bar, decision, fill, header, samples

M = TypeVar("M", bound=Message)


def one(kind: type[M], **changes: object) -> M:
    """The sample of a kind."""
    found = next(message for message in samples() if isinstance(message, kind))
    return structs.replace(found, **changes)


def projected(*messages: Message) -> Projection:
    state = Projection()
    for message in messages:
        state.take(message)
    return state


def counted(*messages: Message) -> Counts:
    counts = Counts()
    for message in messages:
        counts.take(message)
    return counts


def halt(symbol: str = "ETH/USDT", **changes: object) -> Halted:
    return Halted(**(header("h") | {"symbol": symbol, "trigger": "gap"} | changes))  # type: ignore[arg-type]


def resume(symbol: str = "ETH/USDT", **changes: object) -> Resumed:
    return Resumed(**(header("r") | {"symbol": symbol, "trigger": "gap"} | changes))  # type: ignore[arg-type]


def lost(feed: str = "marks", symbol: str = "ETH/USDT", last_seen_ns: int = T0) -> FeedLost:
    return FeedLost(**header("l"), feed=feed, symbol=symbol, last_seen_ns=last_seen_ns)  # type: ignore[arg-type]


def restored(feed: str = "marks", symbol: str = "ETH/USDT") -> FeedRestored:
    return FeedRestored(**header("b"), feed=feed, symbol=symbol)  # type: ignore[arg-type]


def listed(symbol: str, status: str, formerly: str = "") -> PairListed:
    return PairListed(**header("p"), symbol=symbol, status=status, formerly=formerly)  # type: ignore[arg-type]


# --- what holds now ---------------------------------------------------------------------------------------------------


def test_a_halt_holds_until_the_resume_of_its_own_pair_and_trigger() -> None:
    gap, shock = halt(), halt(trigger="market_shock")
    state = projected(gap, shock, resume("BTC/USDT"), resume(trigger="feed"))
    assert state.halts == {("ETH/USDT", "gap"): gap, ("ETH/USDT", "market_shock"): shock}
    state.take(resume())
    assert list(state.halts.values()) == [shock]


def test_a_halt_that_is_said_again_counts_as_it_was_said_last() -> None:
    prolonged = halt(until_ns=T0 + HOUR)
    assert projected(halt(), prolonged).halts == {("ETH/USDT", "gap"): prolonged}


def test_a_resume_of_nothing_changes_nothing() -> None:
    assert projected(resume()).halts == {}


def test_a_feed_is_lost_until_it_is_restored() -> None:
    state = projected(lost(), lost("bars:1h"), restored("marks", "BTC/USDT"))
    assert list(state.lost_feeds) == [("marks", "ETH/USDT"), ("bars:1h", "ETH/USDT")]
    state.take(restored())
    assert list(state.lost_feeds) == [("bars:1h", "ETH/USDT")]


@pytest.mark.parametrize("status", ["halted", "delisted", "unlisted"])
def test_a_pair_is_off_until_it_trades(status: str) -> None:
    state = projected(listed("ETH/USDT", status), listed("BTC/USDT", "trading"))
    assert list(state.off_pairs) == ["ETH/USDT"]
    state.take(listed("ETH/USDT", "trading"))
    assert state.off_pairs == {}


def test_a_pair_that_was_renamed_is_not_off_under_its_old_name() -> None:
    off = listed("MATIC/USDT", "halted")
    assert projected(off, listed("POL/USDT", "trading", formerly="MATIC/USDT")).off_pairs == {}
    assert projected(off, listed("MATIC/USDT", "renamed")).off_pairs == {}


def test_of_portfolio_phase_limits_and_sizes_the_latest_is_kept() -> None:
    later = [structs.replace(message, id=f"{message.id}-later", time_ns=T0 + HOUR) for message in samples()]
    state = projected(*samples(), *later)
    kept = (state.portfolio, state.phase, state.limits, state.latest_sizes["BTC/USDT"])
    assert [message.id for message in kept if message is not None] == [
        "portfolio-1-later",
        "phase-2-later",
        "limits-2-later",
        "size-1-later",
    ]


def test_each_pair_has_a_latest_size_of_its_own() -> None:
    state = projected(one(PositionSized), one(PositionSized, symbol="ETH/USDT"))
    assert list(state.latest_sizes) == ["BTC/USDT", "ETH/USDT"]


def test_market_time_is_the_newest_that_was_heard_of() -> None:
    assert projected(bar(hour=3), bar(hour=1)).market_ns == bar(hour=3).time_ns


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_every_kind_of_message_can_be_taken_in_and_those_of_the_market_move_the_time_on(message: Message) -> None:
    is_of_market = TOPIC_OF[type(message)].written_by in ("market_data", "sizing")
    tells = is_of_market or isinstance(message, PortfolioMarked | OrderDecided)
    assert projected(message).market_ns == message.time_ns * tells
    assert counted(message).of(type(message)) == 1


@pytest.mark.parametrize("kind", [OrderProposed, SignalRaised, Halt, OrderFilled, CommandRefused, Halted])
def test_a_time_that_somebody_made_up_is_not_the_market_s(kind: type[Message]) -> None:
    snapshot = one(PortfolioMarked)
    assert projected(snapshot, one(kind, time_ns=snapshot.time_ns * 2)).market_ns == snapshot.time_ns


def test_a_history_is_the_same_from_its_newest_message_back() -> None:
    history = [halt(), lost(), resume(), listed("ETH/USDT", "halted"), one(PortfolioMarked), restored(), halt("")]
    state = Projection()
    state.take_newest_first(list(reversed(history)))
    assert state == projected(*history)


def test_history_that_is_read_again_ends_where_it_ended_before() -> None:
    """Halts stand in two streams, and a watcher reads both back."""
    source = random.Random(7)
    for _ in range(200):
        halts = [source.choice((halt, resume))(source.choice(("", "ETH/USDT"))) for _ in range(12)]
        assert projected(*halts, *halts[source.randrange(12) :], *halts) == projected(*halts)


# --- what follows from it ---------------------------------------------------------------------------------------------


def test_the_halt_of_a_pair_is_the_portfolios_before_its_own_and_never_anothers() -> None:
    own, everywhere = halt(), halt("", trigger="drawdown")
    assert projected(halt("BTC/USDT")).halt_of("ETH/USDT") is None
    assert projected(own, halt(trigger="feed")).halt_of("ETH/USDT") == own
    assert projected(own, everywhere).halt_of("ETH/USDT") == everywhere
    assert projected(own, everywhere, resume("", trigger="drawdown")).halt_of("ETH/USDT") == own


def test_what_was_never_there_is_awaited_and_not_lost() -> None:
    awaited = halt("", trigger="feed", evidence="not heard yet", awaited=True)
    gone = halt("", trigger="feed", evidence="no frame for 12 s")
    never, before = lost("connection", "", last_seen_ns=0), lost()
    assert [is_not_yet_connected(message) for message in (awaited, gone, never, before, bar())] == [
        True, False, True, False, False,
    ]  # fmt: skip
    state = projected(awaited, never)
    assert (state.active_halts, state.feeds_down, state.is_not_yet_connected) == ([], [], True)
    state = projected(gone, before)
    assert (state.active_halts, state.feeds_down, state.is_not_yet_connected) == ([gone], [before], False)


# --- how often --------------------------------------------------------------------------------------------------------


def test_bars_are_counted_apart_from_those_of_history() -> None:
    counts = counted(bar(), structs.replace(bar(), backfilled=True), bar(hour=1))
    assert (counts.bars, counts.backfilled) == (2, 1)


def test_decisions_are_counted_by_verdict_and_by_the_rule_that_bound() -> None:
    free = one(OrderDecided, verdict="approve", binding="")
    counts = counted(decision(), decision("o-2"), free)
    assert counts.decisions == {"trim": 2, "approve": 1}
    assert counts.binding == {"sector_cap": 2}


def test_fills_are_counted_by_side_and_their_fees_summed_up() -> None:
    counts = counted(fill(fee_usdt=D("1.5")), fill("o-2", fee_usdt=D("0.5")), fill("o-3", side="sell", fee_usdt=D(1)))
    assert counts.fills == {"buy": 2, "sell": 1}
    assert counts.fees_usdt == 3.0


def test_endings_halts_alerts_and_refused_commands_are_counted_by_their_kind() -> None:
    counts = counted(
        one(OrderClosed), one(OrderClosed, ending="expired"), halt(), halt(), one(Alerted), one(CommandRefused)
    )
    assert counts.endings == {"filled": 1, "expired": 1}
    assert counts.halts == {"gap": 2}
    assert counts.alerts == {"drawdown": 1}
    assert counts.commands_refused == {"SetLimits": 1}


def test_the_first_snapshot_and_the_highest_heat_are_kept() -> None:
    snapshots = [one(PortfolioMarked, id=f"p-{heat}", heat=heat) for heat in (0.01, 0.05, 0.02)]
    counts = counted(*snapshots)
    assert counts.first_portfolio == snapshots[0]
    assert counts.max_heat == 0.05


def test_a_kind_that_never_came_is_counted_as_none() -> None:
    assert Counts().of(OrderFilled) == 0


def test_market_time_follows_the_snapshots_when_a_clock_was_set_back() -> None:
    ahead, now = one(PortfolioMarked, time_ns=T0 + HOUR), one(PortfolioMarked, time_ns=T0)
    assert projected(ahead, now).market_ns == T0


def test_the_proposals_in_the_queues_of_clients_count_once_they_are_decided() -> None:
    proposed = one(OrderProposed)
    assert counted(proposed).proposals == 1
    assert counted(proposed, decision(proposed.id), decision("a-clients")).proposals == 2
