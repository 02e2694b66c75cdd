"""Who speaks on the bus beside the services: the market, clients who trade, operators who command. All by the seed."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random

from msgspec import structs

from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.messages.base import Message
from shared.messages.catalogue import PROPOSED
from shared.messages.control import Flatten, Halt, Resume, SetLimits
from shared.messages.market import MarkChanged
from shared.messages.orders import CancelProposed, OrderProposed, StopRaised
from shared.ports.bus import Proposal
from shared.ports.clock import Clock
from shared.ports.errors import BusLostError
from tests.domain.market_scripts import BTC, ETH, HOUR, T0, days, listed, ohlc
from tests.simulation.seeded.chance import Chance
from tests.simulation.seeded.faulty_bus import Line

TRADED = (BTC, ETH, "SOL/USDT")
HISTORY_DAYS = 25
BEGAN_NS = T0 - HOUR  # an hour of market time passes before the first order
MARK_SECONDS = 0.5


class Market:
    """Prices that wander, as bars and marks. Nothing happens to its messages: it stands for market_data.

    prices: by pair, USDT per unit.
    """

    def __init__(self, bus: MemoryBus, clock: Clock, random: Random) -> None:
        self._bus, self._clock, self._random = bus, clock, random
        self.prices = dict.fromkeys(TRADED, 100.0)
        self._hour = -1

    async def begin(self) -> None:
        """Pairs are listed, and there is some history."""
        await self._bus.publish([listed(symbol) for symbol in TRADED])
        await self._bus.publish_bars([bar for pair in TRADED for bar in days(HISTORY_DAYS, symbol=pair, atr_pct=0.05)])
        await self._mark()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(MARK_SECONDS)
            for symbol in TRADED:
                jump = 0.06 if self._random.random() < 0.02 else 0.004
                self.prices[symbol] = round(self.prices[symbol] * (1.0 + self._random.uniform(-jump, jump)), 2)
            await self._mark()
            hour = (self._clock.now_ns() - T0) // HOUR
            if hour > self._hour:
                self._hour = hour
                await self._bus.publish_bars([self._bar(symbol, hour - 1) for symbol in TRADED])

    async def _mark(self) -> None:
        now_ns = self._clock.now_ns()
        marks = [
            MarkChanged(id=f"mark-{symbol}-{now_ns}", time_ns=now_ns, symbol=symbol, price=price)
            for symbol, price in self.prices.items()
        ]
        await self._bus.set_marks(marks)

    def _bar(self, symbol: str, hour: int) -> Message:
        price = self.prices[symbol]
        return ohlc(hour, price, price * 1.001, price * 0.999, price, symbol=symbol)


class Client:
    """Proposes orders, stops and cancels; some twice, and some ids with another order.

    acknowledged: the ids of what the server said it has, with what it is. ordered: every order that was sent.
    """

    def __init__(self, name: str, bus: MemoryBus, clock: Clock, chance: Chance, line: Line, market: Market) -> None:
        self.name, self._bus, self._clock, self._chance, self._line = name, bus, clock, chance, line
        self._market, self._random = market, chance.actors
        self.acknowledged: dict[str, str] = {}
        self.ordered: list[OrderProposed] = []
        self._number = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.05, 0.8))
            await self.send(self._something())

    async def send(self, message: Proposal) -> None:
        """Into its queue or by XADD until the server says that it is there; or by PUBLISH, to which nobody answers."""
        drawn = self._random.random()
        if drawn < 0.15:
            self._bus.server.publish(self._bus.keys.of(PROPOSED), encode(message))
            self._chance.count("proposed_by_publish")
        elif drawn < 0.4:
            await self._until_taken(message, "publish", lambda: self._bus.publish([message]))
        else:
            await self._until_taken(message, "propose", lambda: self._bus.propose(message, self.name))

    async def _until_taken(self, message: Proposal, name: str, way: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await self._line.call(name, way)
            except BusLostError:
                self._chance.count("client_sent_again")
                await asyncio.sleep(0.1)
            else:
                self.acknowledged[message.id] = type(message).__name__
                return

    def _something(self) -> Proposal:
        drawn = self._random.random()
        if self.ordered and drawn < 0.12:
            self._chance.count("repeated")
            return self._random.choice(self.ordered)
        if self.ordered and drawn < 0.18:
            self._chance.count("another_order_under_an_id")
            first = self._random.choice(self.ordered)
            return structs.replace(first, quantity=first.quantity * 2)
        if self.ordered and drawn < 0.28:
            self._chance.count("cancelled")
            return CancelProposed(**self._head("cancel"), order_id=self._random.choice(self.ordered).id)
        if drawn < 0.36:
            self._chance.count("stop_raised")
            symbol = self._random.choice(TRADED)
            return StopRaised(**self._head("raise"), symbol=symbol, stop_price=self._price(symbol, 0.9, 0.99))
        order = self._order()
        self.ordered.append(order)
        return order

    def _order(self) -> OrderProposed:
        symbol = self._random.choice(TRADED)
        if self._random.random() < 0.3:
            return OrderProposed(
                **self._head("sell"), symbol=symbol, side="sell", quantity=Decimal(self._random.randint(1, 60))
            )
        rests = self._random.random() < 0.6
        return OrderProposed(
            **self._head("buy"),
            symbol=symbol,
            side="buy",
            quantity=Decimal(self._random.randint(1, 90)),
            order_type="limit" if rests else "market",
            limit_price=self._price(symbol, 0.97, 1.0) if rests else None,
            stop_price=self._price(symbol, 0.88, 0.94),
            strategy=self.name,
        )

    def _price(self, symbol: str, low: float, high: float) -> Decimal:
        return Decimal(str(round(self._market.prices[symbol] * self._random.uniform(low, high), 2)))

    def _head(self, what: str) -> dict[str, object]:
        self._number += 1
        return {"id": f"{self.name}-{what}-{self._number}", "time_ns": self._clock.now_ns()}


class Operator:
    """Commands now and then, and ends every halt that stands."""

    def __init__(self, bus: MemoryBus, clock: Clock, chance: Chance) -> None:
        self._bus, self._clock, self._chance, self._random = bus, clock, chance, chance.actors
        self._number = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(1.0, 4.0))
            self._chance.count("commanded")
            await self._bus.publish([self._command()])

    def _command(self) -> Message:
        self._number += 1
        head = {"id": f"op-{self._number}", "time_ns": self._clock.now_ns(), "who": "ana", "reason": "by the seed"}
        drawn, symbol = self._random.random(), self._random.choice(("", *TRADED))
        if drawn < 0.15:
            return Halt(**head, symbol=symbol, mode=self._random.choice(("reducing", "halted")))
        if drawn < 0.25:
            return Flatten(**head, symbol=self._random.choice(TRADED))
        if drawn < 0.45:
            return SetLimits(**head, limits={"heat": self._random.choice((0.008, 0.009, 0.01))})
        return Resume(**head, symbol=symbol)
