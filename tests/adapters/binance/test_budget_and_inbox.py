"""The shared request weight, and the queue between sockets and service."""

import asyncio

import pytest

from shared.adapters.binance.budget import LONGEST_WAIT_SECONDS, RESERVE, SHARE, WeightBudget
from shared.adapters.binance.inbox import Inbox
from shared.adapters.clocks import ManualClock
from shared.ports.exchange import (
    BestPrice,
    ConnectionLost,
    Kline,
    KlineFrame,
    RateLimitedError,
    Stream,
)

SECOND_NS = 1_000_000_000


def frame(index: int, *, closed: bool = True, symbol: str = "BTC/USDT") -> KlineFrame:
    kline = Kline(
        symbol=symbol, timeframe="1h", open_time_ns=index, close_time_ns=index + 1, open=1.0, high=1.0, low=1.0,
        close=1.0, volume=1.0, quote_volume=1.0, trades=1,
    )  # fmt: skip
    return KlineFrame(kline=kline, closed=closed, event_time_ns=index)


async def test_weight_is_free_until_the_budget_is_spent_and_then_refills_with_wall_time() -> None:
    clock = ManualClock(10 * SECOND_NS)
    budget = WeightBudget(clock, 600)
    await budget.spend(int(600 * SHARE))
    assert clock.now_ns() == 10 * SECOND_NS
    await budget.spend(9)  # a second's worth
    assert clock.now_ns() == pytest.approx(11 * SECOND_NS, abs=1000)


async def test_the_budget_is_in_wall_time_however_fast_the_market_runs() -> None:
    clock = ManualClock(0, speed=3600.0)
    budget = WeightBudget(clock, 600)
    await budget.spend(int(600 * SHARE))
    await budget.spend(9)
    assert clock.wall_ns() == pytest.approx(SECOND_NS, abs=1000)


async def test_what_the_exchange_counts_is_believed_when_it_is_more_than_we_counted() -> None:
    clock = ManualClock(0)
    budget = WeightBudget(clock, 600)
    await budget.spend(2)
    budget.reported(int(600 * SHARE))
    assert budget.used_weight == 540
    await budget.spend(9)
    assert clock.now_ns() == pytest.approx(SECOND_NS, abs=1000)


async def test_after_a_refusal_nobody_asks_until_retry_after_is_over() -> None:
    clock = ManualClock(0)
    budget = WeightBudget(clock, 600)
    assert budget.refused(429, 7.0) == 7.0
    await budget.spend(1)
    assert clock.now_ns() == 7 * SECOND_NS


async def test_a_ban_longer_than_anybody_waits_is_an_error_with_its_length() -> None:
    budget = WeightBudget(ManualClock(0), 600)
    budget.refused(418, 3600.0)
    with pytest.raises(RateLimitedError) as caught:
        await budget.spend(1)
    assert caught.value.retry_after_seconds == pytest.approx(3600.0)
    assert budget.refused(418, None) > LONGEST_WAIT_SECONDS


async def test_what_can_wait_leaves_a_reserve_to_the_others() -> None:
    clock = ManualClock(0)
    budget = WeightBudget(clock, 600)
    await budget.spend(int(540 * (1 - RESERVE)))
    await budget.spend_spare(9)  # a second's worth over the reserve
    assert clock.now_ns() == pytest.approx(SECOND_NS, abs=SECOND_NS / 10)
    await budget.spend(int(540 * RESERVE) - 1)  # there at once
    assert clock.now_ns() == pytest.approx(SECOND_NS, abs=SECOND_NS / 10)


async def test_what_can_wait_goes_after_everybody_who_waits() -> None:
    clock = ManualClock(0)
    budget = WeightBudget(clock, 600)
    await budget.spend(540)
    served: list[str] = []

    async def ask(name: str, *, can_wait: bool) -> None:
        await (budget.spend_spare(1) if can_wait else budget.spend(1))
        served.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(ask("book", can_wait=True))
        for number in range(20):
            group.create_task(ask(f"bars {number}", can_wait=False))
    assert served[-1] == "book"


async def test_what_can_wait_gives_up_when_there_is_nothing_to_spare() -> None:
    budget = WeightBudget(ManualClock(0), 600)
    budget.refused(429, LONGEST_WAIT_SECONDS + 1)
    with pytest.raises(RateLimitedError):
        await budget.spend_spare(1)


async def test_callers_queue_in_the_order_in_which_they_came() -> None:
    clock = ManualClock(0)
    budget = WeightBudget(clock, 600)
    await budget.spend(540)
    served: list[int] = []

    async def caller(number: int) -> None:
        await budget.spend(9)
        served.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(caller(number))
    assert served == [0, 1, 2, 3, 4]
    assert clock.now_ns() == pytest.approx(5 * SECOND_NS, abs=5000)


async def test_closed_bars_are_kept_one_by_one_and_forming_bars_and_prices_conflated() -> None:
    inbox = Inbox()
    for index in range(3):
        inbox.put_frame(frame(index))
        inbox.put_frame(frame(index, closed=False))
        inbox.put_price(BestPrice(symbol="BTC/USDT", bid=float(index), ask=index + 1.0, seen_steady_ns=index))
    batch = await inbox.take(0.1)
    assert [one.kline.open_time_ns for one in batch.closed] == [0, 1, 2]
    assert [one.kline.open_time_ns for one in batch.forming] == [2]
    assert [price.bid for price in batch.prices] == [2.0]
    assert not batch.suspect


async def test_a_full_queue_drops_closed_bars_but_names_their_streams() -> None:
    inbox = Inbox(closed_limit=2)
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "SOL/USDT"):
        inbox.put_frame(frame(1, symbol=symbol))
    batch = await inbox.take(0.1)
    assert [one.kline.symbol for one in batch.closed] == ["BTC/USDT", "ETH/USDT"]
    assert list(batch.suspect) == [Stream("SOL/USDT", "1h")]
    assert inbox.dropped == 2
    inbox.put_frame(frame(2))
    assert len((await inbox.take(0.1)).closed) == 1


async def test_an_empty_inbox_is_waited_for_no_longer_than_asked() -> None:
    batch = await Inbox().take(0.01)
    assert (batch.closed, batch.prices, batch.connection) == ((), (), ())


async def test_connection_events_stay_bounded_when_nobody_reads() -> None:
    inbox = Inbox()
    for number in range(1_500):
        inbox.put_connection(ConnectionLost(socket="s", reason=str(number)))
    batch = await inbox.take(0.1)
    assert len(batch.connection) == 1_000
    assert batch.connection[-1].socket == "s"
