"""What has to hold whatever happened to a stack. Each test of chaos ends with all of it.

While the stack runs: ``settled``. Once it has ended: ``check_books``. Both go by the streams, and ask no service.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from services.wiring import SERVICES
from shared.adapters.redis.bus import RedisBus
from shared.application.projection import Projection
from shared.domain.machine import Records
from shared.domain.portfolio.ledger import LEDGER_RECORDS, Ledger
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, DECIDED, EXECUTED, HALTS, PORTFOLIO
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import OrderDecided, OrderFilled, ProposalRefused, StopPlaced
from shared.messages.portfolio import PortfolioMarked
from tests.e2e.chaos import HEAT_LIMIT, SMALL_USDT, TRADED, Trader, all_of, until
from tests.keys import MAIN

EVERY_SERVICE = tuple(row.name for row in SERVICES)


# --- while it runs ----------------------------------------------------------------------------------------------------


async def settled(bus: RedisBus, trader: Trader, *, halted: Collection[tuple[str, str]] = ()) -> None:
    """Every service works, only what has to be halted is, by name, and the other pairs trade: both ways.

    halted: pair and trigger of the halts that have to stand.
    """

    async def all_ready() -> bool:
        return set(await ready(bus)) == set(EVERY_SERVICE)

    async def halted_as_expected() -> bool:
        return await halts(bus) == set(halted)

    await until(all_ready)
    await until(halted_as_expected)
    off = {symbol for symbol, _ in halted}
    for symbol in off:
        refused = await trader.decision(await trader.propose("buy", symbol, SMALL_USDT))
        assert (refused.verdict, refused.binding) == ("reject", "halted"), refused
    await everything_can_be_sold(bus, trader)
    for symbol in set(TRADED) - off:
        await trader.buy(symbol, SMALL_USDT)
    assert await halts(bus) == set(halted)


async def ready(bus: RedisBus) -> list[str]:
    """The services that work: ready, by a process that is there."""
    return [name for name, beat in (await bus.heartbeats()).items() if beat.state == "ready" and _is_running(beat.pid)]


def _is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def halts(bus: RedisBus) -> set[tuple[str, str]]:
    """The halts in force: pair and trigger."""
    state = Projection()
    for message in await all_of(bus, MAIN.of(HALTS), Message):
        state.take(message)
    return {(halt.symbol, halt.trigger) for halt in state.halts.values()}


async def everything_can_be_sold(bus: RedisBus, trader: Trader) -> None:
    """What reduces risk passes, in halted pairs too. What is left afterwards is less than the exchange trades."""

    async def sold() -> bool:
        held = await trader.held()
        marks = await bus.marks()
        left = {symbol: float(held[symbol]) * marks[symbol].price for symbol in TRADED if symbol in held}
        for symbol, usdt in left.items():
            if usdt > SMALL_USDT:
                order_id = await trader.propose("sell", symbol, usdt * 0.99)
                if (await trader.decision(order_id)).quantity_approved:  # sizing may be selling it itself
                    await trader.filled(order_id)
        return not any(usdt > SMALL_USDT for usdt in left.values())

    await until(sold)


# --- once it has ended ------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What happened, for the counters of a test.

    binding: what bound verdicts. letters: what stands on ``hs:dead``. fills: that were booked.
    """

    binding: Counter[str] = field(default_factory=Counter)
    letters: list[MessageRefused] = field(default_factory=list)
    fills: int = 0


async def check_books(bus: RedisBus, trader: Trader) -> Told:
    """Each order is decided once and within the heat limit, and the money adds up from fills of approved orders."""
    decisions = await all_of(bus, MAIN.of(DECIDED), OrderDecided)
    refused = await all_of(bus, MAIN.of(DECIDED), ProposalRefused)
    check_decisions(decisions, HEAT_LIMIT)
    assert not set(trader.sent) - {each.order_id for each in (*decisions, *refused)}
    executed = await all_of(bus, MAIN.of(EXECUTED), Message)
    fills = [each for each in executed if isinstance(each, OrderFilled)]
    check_fills(fills, decisions)
    snapshots = await all_of(bus, MAIN.of(PORTFOLIO), PortfolioMarked)
    bare = {position.symbol for snapshot in snapshots for position in snapshot.positions if position.stop is None}
    assert not bare, f"held without a stop: {bare}"
    check_ledger(executed, snapshots[-1])
    letters = await all_of(bus, DEAD.key, MessageRefused)
    return Told(Counter(each.binding for each in decisions), letters, len(fills))


def check_decisions(decisions: Sequence[OrderDecided], heat_limit: float) -> None:
    """No order is decided twice, no number is left out, and heat is in its limit after every purchase."""
    assert set(Counter(each.order_id for each in decisions).values()) == {1}
    assert [each.seq for each in decisions] == list(range(1, len(decisions) + 1))
    bought = [each for each in decisions if each.side == "buy" and each.quantity_approved]
    assert bought
    assert [each for each in bought if each.heat_after > heat_limit * (1 + 1e-9)] == []


def check_fills(fills: list[OrderFilled], decisions: list[OrderDecided]) -> None:
    """Every fill is of an order that was approved, and of no more than that; or a protective stop's."""
    approved = {each.order_id: each for each in decisions}
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for fill in fills:
        if fill.stop:
            assert (fill.side, fill.order_id in approved) == ("sell", False), fill
            continue
        order = approved[fill.order_id]
        assert (fill.symbol, fill.side) == (order.symbol, order.side)
        filled[fill.order_id] += fill.quantity
        assert filled[fill.order_id] <= order.quantity_approved, fill
    trades = Counter(fill.trade_id for fill in fills)
    assert set(trades.values()) <= {1}


def check_ledger(executed: Sequence[Message], last: PortfolioMarked) -> None:
    """Cash and positions, booked afresh, are those that the risk service shows."""
    ledger = Ledger(Records(LEDGER_RECORDS), Decimal("200000.0"))
    for message in executed:
        if isinstance(message, OrderFilled):
            ledger.apply(message)
        elif isinstance(message, StopPlaced):
            ledger.move_stop(message.symbol, message.stop_price)
    assert last.cash == ledger.account.cash
    assert {row.symbol: (row.quantity, row.stop) for row in last.positions} == {
        row.symbol: (row.quantity, row.stop) for row in ledger.positions()
    }
