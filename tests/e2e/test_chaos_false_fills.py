"""False fills on the stream of a whole stack that trades: no money moves, their pairs are halted, the rest goes on."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TypeGuard

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, EXECUTED
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import OrderClosed, OrderFilled, StopPlaced
from tests.e2e.chaos import TRADED, Trader, chaos_config, until
from tests.e2e.invariants import check_books, settled
from tests.e2e.stack import running_stack
from tests.keys import MAIN

BTC, ETH, SOL, XRP, ADA, LTC = CLAIMED_OF = TRADED[:6]


def false_fill(kind: str, now_ns: int, symbol: str, **fields: object) -> OrderFilled:
    given = {
        "order_id": f"never-{kind}", "side": "buy", "quantity": Decimal(1), "price": Decimal(1),
        "stop_price": Decimal("0.9"), **fields,
    }  # fmt: skip
    return OrderFilled(
        id=f"false-{kind}", time_ns=now_ns, trade_id=f"trade-{kind}", symbol=symbol, fee_usdt=Decimal(0), **given
    )  # type: ignore[arg-type]


async def false_claims(bus: RedisBus, trader: Trader) -> list[Message]:
    """One of each kind, most in a pair of its own: fills of an order that nobody approved, of one that has ended, of
    more than is held, of no stop, at a price that no market had; and words on an order and a stop that never were.
    """
    ended, bought = await trader.buy(ETH, 500), await trader.buy(SOL, 500)
    resting = await trader.approved(LTC, 500, below=0.015)
    stop = next(each for each in await bus.latest(MAIN.of(EXECUTED), 500) if is_stop_of(SOL, each))
    marks, now_ns = await bus.marks(), await trader.now_ns()
    return [
        false_fill("unknown", now_ns, BTC, price=Decimal(str(marks[BTC].price))),
        false_fill("ended", now_ns, ETH, order_id=ended.order_id, quantity=ended.quantity, price=ended.price,
                   stop_price=ended.stop_price),
        false_fill("oversold", now_ns, SOL, order_id=stop.order_id, side="sell", stop=True,
                   quantity=Decimal(10**6), price=bought.price, stop_price=None),
        false_fill("stop", now_ns, XRP, order_id="stop-none", side="sell", quantity=Decimal(5), stop=True,
                   price=Decimal(str(marks[XRP].price * 9)), stop_price=None),
        false_fill("price", now_ns, LTC, order_id=resting, quantity=Decimal("0.1"),
                   price=Decimal(str(marks[LTC].price / 4))),
        OrderClosed(id="false-end", time_ns=now_ns, order_id="never-end", symbol=ADA, ending="filled",
                    quantity_filled=Decimal(7)),
        StopPlaced(id="false-raise", time_ns=now_ns, order_id="stop-raise", symbol=ADA, quantity=Decimal(7),
                   stop_price=Decimal(10**6)),
    ]  # fmt: skip


def is_stop_of(symbol: str, message: Message) -> TypeGuard[StopPlaced]:
    return isinstance(message, StopPlaced) and message.symbol == symbol


async def disbelieved(bus: RedisBus) -> dict[str, str]:
    """What was refused, by the id of the message, and why."""
    return {each.cause: each.reason for each in await bus.latest(DEAD.key, 1_000) if isinstance(each, MessageRefused)}


@pytest.mark.chaos
@pytest.mark.stack(seconds=60)
async def test_false_fills_move_no_money_and_halt_their_pairs_until_an_operator_looks(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    trader = Trader(redis_bus)
    options = ("--config", str(chaos_config(tmp_path)), "--speed", "600")
    async with running_stack(redis_bus, valkey_server, tmp_path, *options) as stack:
        await settled(redis_bus, trader)
        async with trader.trading():
            told = await false_claims(redis_bus, trader)
            await redis_bus.publish(told)
            await until(lambda: all_refused(redis_bus, told))
        expected = {(each, "false_fill") for each in CLAIMED_OF}
        await settled(redis_bus, trader, halted=expected)
        await stack.kill("risk")  # what was refused is not believed by its successor either
        await settled(redis_bus, trader, halted=expected)
        for symbol, _ in expected:
            await trader.resume(symbol)
        await settled(redis_bus, trader)
    seen = await check_books(redis_bus, trader)
    assert Counter(each.cause for each in seen.letters) == Counter(each.id for each in told)


async def all_refused(bus: RedisBus, told: list[Message]) -> bool:
    return {each.id for each in told} <= set(await disbelieved(bus))
