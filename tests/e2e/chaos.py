"""What every test of chaos has: a market with open gates, and a client that proposes and repeats itself all along.

What has to hold at the end, whatever happened, is in ``invariants.py``.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from shared.adapters.clocks import ScaledClock
from shared.adapters.redis.bus import RedisBus
from shared.domain.timeframes import SECOND_NS
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, EXECUTED, PAIRS, PORTFOLIO
from shared.messages.control import Resume
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided, OrderFilled, OrderProposed, Side
from shared.messages.portfolio import PortfolioMarked
from tests.e2e.stack import hourly_config
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

# So many that what each may risk is more than the heat limit in all.
TRADED = (
    "BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT", "LTC/USDT", "BNB/USDT", "LINK/USDT", "AVAX/USDT",
    "DOGE/USDT",
)  # fmt: skip
POLL_SECONDS = 0.1
SMALL_USDT = 50.0
REPEATS = 3
FORGED = ("false", "poison", "deadly")  # how ids of messages begin that a test made up
T = TypeVar("T")
M = TypeVar("M", bound=Message)
# A generated market does what it likes: only what a test brings about may halt a pair. Heat stays low enough to bind,
# and the strategies leave the client some of it. Books are soon sampled again after a fault.
CHANGES = {
    "limits.toml": {
        "off = []": 'off = ["gap", "market_shock", "heat", "drawdown", "day_loss", "liquidity"]',
        "heat = 0.08 ": "heat = 0.01 ",
    },
    "strategies.toml": {"weight = 0.5": "weight = 0.1"},
    "stack.toml": {"book_seconds = 60.0": "book_seconds = 10.0"},
}
HEAT_LIMIT = 0.01


def chaos_config(folder: Path) -> Path:
    """The shipped configuration with hourly strategies, without the breakers that a mere market sets off."""
    config = folder / "config"
    config.mkdir()
    hourly_config(config)
    for file, changes in CHANGES.items():
        text = (config / file).read_text("utf-8")
        for old, new in changes.items():
            assert old in text, f"{file} has no {old!r}"
            text = text.replace(old, new)
        (config / file).write_text(text, "utf-8")
    return config


class Trader:
    """Proposes on the stream, one in ten a second time, and follows nothing.

    sent: its orders by id. repeated: how often it sent one again.
    ahead_seconds: by how much the stack's machine has its clock ahead of this process.
    """

    def __init__(self, bus: RedisBus) -> None:
        self.sent: dict[str, OrderProposed] = {}
        self.repeated, self.ahead_seconds = 0, 0.0
        self._bus, self._dice = bus, random.Random(8)
        self._listed: dict[str, PairListed] = {}

    @asynccontextmanager
    async def trading(self, *symbols: str) -> AsyncIterator[None]:
        """Propose at random for as long as the block lasts, and until a few orders were sent again."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._propose_all_along(symbols or TRADED))
            yield
            await until(self._has_repeated)
            task.cancel()

    async def _has_repeated(self) -> bool:
        return self.repeated >= REPEATS

    async def _propose_all_along(self, symbols: Sequence[str]) -> None:
        dice = self._dice
        while True:
            if self.sent and dice.random() < 0.1:
                await self._bus.publish([dice.choice(list(self.sent.values())[-100:])])
                self.repeated += 1
            side: Side = dice.choice(("buy", "buy", "sell"))
            with suppress(KeyError):  # the market is not there yet
                await self.propose(side, dice.choice(symbols), dice.uniform(20, 3_000))
            await asyncio.sleep(dice.uniform(0.05, 0.3))

    async def propose(self, side: Side, symbol: str, usdt: float, *, below: float = 0.0) -> str:
        """An order of about so much at the market; a buy with a stop 10 % below. Returns its id.

        below: a limit so far below the market, as a fraction, at which a buy waits.
        """
        price = (await self._bus.marks())[symbol].price
        listed = await self._listing(symbol)
        order = OrderProposed(
            id=f"chaos-{len(self.sent)}",
            time_ns=await self.now_ns(),
            symbol=symbol,
            side=side,
            quantity=_whole(usdt / price, listed.quantity_step),
            stop_price=_whole(price * 0.9, listed.price_step) if side == "buy" else None,
            order_type="limit" if below else "market",
            limit_price=_whole(price * (1 - below), listed.price_step) if below else None,
            reduce_only=side == "sell",
        )
        self.sent[order.id] = order
        await self._bus.publish([order])
        return order.id

    async def now_ns(self) -> int:
        """Market time, as the stack has it."""
        origin = await self._bus.clock_origin()
        assert origin is not None
        return ScaledClock(origin).now_ns() + int(self.ahead_seconds * origin.speed * SECOND_NS)

    async def _listing(self, symbol: str) -> PairListed:
        if symbol not in self._listed:
            for each in await self._bus.latest(PAIRS.key, 1_000):
                if isinstance(each, PairListed):
                    self._listed.setdefault(each.symbol, each)
        return self._listed[symbol]

    # --- what became of it ----------------------------------------------------------------------------------------

    async def decision(self, order_id: str) -> OrderDecided:
        async def look() -> OrderDecided | None:
            found = await self._bus.latest(MAIN.of(DECIDED), 500)
            return next((each for each in found if isinstance(each, OrderDecided) and each.order_id == order_id), None)

        return await until(look)

    async def filled(self, order_id: str) -> OrderFilled:
        async def look() -> OrderFilled | None:
            found = await self._bus.latest(MAIN.of(EXECUTED), 500)
            return next((each for each in found if isinstance(each, OrderFilled) and each.order_id == order_id), None)

        return await until(look)

    async def approved(self, symbol: str, usdt: float, *, below: float = 0.0) -> str:
        """A buy that was approved, if only a part of it. The first price or book after a fault may take its time."""

        async def propose() -> str | None:
            order_id = await self.propose("buy", symbol, usdt, below=below)
            return order_id if (await self.decision(order_id)).quantity_approved else None

        return await until(propose)

    async def buy(self, symbol: str, usdt: float) -> OrderFilled:
        """A buy that was approved and filled."""
        return await self.filled(await self.approved(symbol, usdt))

    async def held(self) -> dict[str, Decimal]:
        """Quantities by pair, of the newest snapshot."""
        [last] = await self._bus.latest(MAIN.of(PORTFOLIO))
        assert isinstance(last, PortfolioMarked)
        return {position.symbol: position.quantity for position in last.positions}

    async def resume(self, symbol: str) -> None:
        """End the halts of a pair, as an operator does who has looked."""
        now_ns = await self.now_ns()
        await self._bus.publish(
            [Resume(id=f"resume-{now_ns}", time_ns=now_ns, who="ana", reason="seen", symbol=symbol)]
        )


def _whole(amount: float, step: Decimal) -> Decimal:
    """Down to whole steps."""
    return Decimal(repr(amount)) // step * step


async def until(look: Callable[[], Awaitable[T | None]], seconds: float = PATIENCE_SECONDS) -> T:
    """What ``await look()`` finds, once it finds something."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await look()):
                await asyncio.sleep(POLL_SECONDS)
            return found
    except TimeoutError:
        raise AssertionError(f"waited {seconds:g} s in vain for {look}") from None


async def all_of(bus: RedisBus, key: str, kind: type[M]) -> list[M]:
    """All of a kind on a stream, oldest first, without what a test made up."""
    found = reversed(await bus.latest(key, 1_000_000))
    return [each for each in found if isinstance(each, kind) and not each.id.startswith(FORGED)]
