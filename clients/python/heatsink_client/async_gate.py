"""The gate for asyncio. What its methods do is told in ``gate.py``."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.exceptions import ResponseError

from heatsink_client.answers import Answer, Entry, RoomLeft, Sizes, Verdict
from heatsink_client.connection import CALL_SECONDS, LOST, options, reason_of
from heatsink_client.desk import DEFAULT_URL, Desk, Ending, Side, rooms_by_pair
from heatsink_client.looking import SNAPSHOT_SECONDS
from heatsink_client.messages import Halted, Message, PortfolioMarked
from heatsink_client.steps import BLOCK_SECONDS, Calls, Hear, Listen, LostError, Operation, Pause, Step
from heatsink_client.wire import Amount

T = TypeVar("T")


class AsyncGate:
    """``Gate`` with ``await``.

        async with AsyncGate() as gate:
            if verdict := await gate.propose("ETH/USDT", "buy", "0.5", stop_price="3600", id="mine-1"):
                await exchange.buy("ETH/USDT", verdict.quantity)

    Its arguments, what it returns and what it raises are those of ``Gate``. Many tasks may use one at once.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        portfolio: str = "main",
        client: str = "",
        strategy: str = "external",
        timeout: float = 5.0,
        key: str = "",
    ) -> None:
        self._desk = Desk(url, portfolio=portfolio, client=client, strategy=strategy, timeout=timeout, key=key)
        self._server: Any = redis.asyncio.Redis.from_url(url, **options(Retry))

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._desk.check())
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._server.aclose()

    @property
    def client(self) -> str:
        """The name under which it proposes and reports."""
        return self._desk.place.client

    # --- proposals ----------------------------------------------------------------------------------------------------

    async def propose(
        self,
        symbol: str,
        side: Side,
        quantity: Amount,
        *,
        stop_price: Amount | None = None,
        limit_price: Amount | None = None,
        id: str = "",
        strategy: str = "",
        reduce_only: bool = False,
        expires_ns: int = 0,
        because: Message | None = None,
        timeout: float | None = None,
    ) -> Verdict:
        """The verdict on an order. It is true when something of it was approved."""
        return await self._run(
            self._desk.propose(
                symbol, side, quantity, stop_price=stop_price, limit_price=limit_price, id=id, strategy=strategy,
                reduce_only=reduce_only, expires_ns=expires_ns, because=because, timeout=timeout,
            )
        )  # fmt: skip

    async def cancel(self, order_id: str, *, reason: str = "", timeout: float | None = None) -> Answer:
        """Cancel what is left of an order. It is refused where no such order is open."""
        return await self._run(self._desk.cancel(order_id, reason, timeout))

    async def raise_stop(
        self, symbol: str, stop_price: Amount, *, because: Message | None = None, timeout: float | None = None
    ) -> Answer:
        """Raise the protective stop of what is held. A lower one is refused."""
        return await self._run(self._desk.raise_stop(symbol, stop_price, because, timeout))

    async def verdict_of(self, order_id: str, *, timeout: float | None = None) -> Verdict:
        """What became of an order whose verdict was unknown, or whose bot was killed."""
        return await self._run(self._desk.verdict_of(order_id, timeout))

    # --- reports, of a bot that executes by itself --------------------------------------------------------------------

    async def report_placed(
        self,
        order_id: str,
        symbol: str,
        quantity: Amount,
        *,
        price: Amount | None = None,
        venue_order_id: str = "",
        time_ns: int = 0,
        timeout: float | None = None,
    ) -> Answer:
        """Say that an approved order stands at the exchange. price: its limit; None for one at the market."""
        about = {"venue_order_id": venue_order_id, "time_ns": time_ns, "timeout": timeout}
        return await self._run(self._desk.report_placed(order_id, symbol, quantity, price, **about))

    async def report_fill(
        self,
        order_id: str,
        symbol: str,
        side: Side,
        *,
        quantity: Amount,
        price: Amount,
        fee_usdt: Amount,
        trade_id: str,
        liquidity: Literal["maker", "taker"] = "taker",
        stop: bool = False,
        time_ns: int = 0,
        timeout: float | None = None,
    ) -> Answer:
        """Say that an approved order traded; once for each trade, by the exchange's id of it."""
        amounts: dict[str, Amount | None] = {"quantity": quantity, "price": price, "fee_usdt": fee_usdt}
        about = {"trade_id": trade_id, "liquidity": liquidity, "stop": stop, "time_ns": time_ns, "timeout": timeout}
        return await self._run(self._desk.report_fill(order_id, amounts, symbol=symbol, side=side, **about))

    async def report_closed(
        self,
        order_id: str,
        symbol: str,
        ending: Ending,
        *,
        quantity_filled: Amount,
        reason: str = "",
        time_ns: int = 0,
        timeout: float | None = None,
    ) -> Answer:
        """Say that nothing more happens to an order. quantity_filled: the sum of its trades."""
        about = {"symbol": symbol, "ending": ending, "reason": reason, "time_ns": time_ns, "timeout": timeout}
        return await self._run(self._desk.report_closed(order_id, quantity_filled, **about))

    async def report_stop(
        self,
        symbol: str,
        stop_price: Amount,
        quantity: Amount,
        *,
        working: bool = True,
        venue_order_id: str = "",
        time_ns: int = 0,
        timeout: float | None = None,
    ) -> Answer:
        """Say where the protective stop of a pair rests; with ``working=False`` that none does, and none has sold."""
        about = {"working": working, "venue_order_id": venue_order_id, "time_ns": time_ns, "timeout": timeout}
        return await self._run(self._desk.report_stop(symbol, stop_price, quantity, **about))

    # --- questions ----------------------------------------------------------------------------------------------------

    async def room(
        self,
        symbol: str,
        *,
        stop_price: Amount | None = None,
        limit_price: Amount | None = None,
        strategy: str = "",
        timeout: float | None = None,
    ) -> RoomLeft:
        """The largest purchase that would be approved now, by the same rules. It reserves nothing."""
        asked = self._desk.room(
            symbol, stop_price=stop_price, limit_price=limit_price, strategy=strategy, timeout=timeout
        )
        return (await self._run(asked))[0]

    async def rooms(self, *, strategy: str = "", timeout: float | None = None) -> dict[str, RoomLeft]:
        """The room of every pair. Raises ``StaleError`` when nobody answers."""
        asked = self._desk.room("", stop_price=None, limit_price=None, strategy=strategy, timeout=timeout)
        return rooms_by_pair(await self._run(asked))

    async def sizes(self, *, timeframe: str = "") -> Sizes:
        """The newest size of a full position in each pair; of one timeframe, or of any. Raises ``GateError``."""
        return await self._run(self._desk.sizes(timeframe))

    async def portfolio(self, *, max_age: float = SNAPSHOT_SECONDS) -> PortfolioMarked:
        """NAV, heat and positions. Raises ``StaleError`` when the snapshot is older than so many seconds."""
        return await self._run(self._desk.portfolio(max_age))

    async def halts(self, *, max_age: float = SNAPSHOT_SECONDS) -> tuple[Halted, ...]:
        """The halts in force, those of the whole portfolio (``symbol`` is empty) first. Raises like ``portfolio``."""
        return await self._run(self._desk.halts(max_age))

    async def market_ns(self, *, in_seconds: float = 0.0) -> int:
        """Market time now, or in so many seconds of this machine's clock, in nanoseconds. Raises ``GateError``."""
        return await self._run(self._desk.market_ns(in_seconds))

    # --- streams ------------------------------------------------------------------------------------------------------

    async def follow(self, topic: str, *, after: str = "now", patience: float = 30.0) -> AsyncIterator[Entry]:
        """The entries of a stream, for ever: ``decided``, ``executed``, ``halts``, ``bars:1h``, ..."""
        key = self._desk.key_of(topic)
        cursor = await self._run(self._desk.start_of(key, after))
        while True:
            entries, cursor = await self._run(self._desk.read(key, cursor, BLOCK_SECONDS, patience))
            for entry in entries:
                yield entry

    async def read(self, topic: str, *, after: str = "now", patience: float = 5.0) -> tuple[list[Entry], str]:
        """What followed an entry of a stream, without waiting for more, and where to read on; at most 200 entries."""
        key = self._desk.key_of(topic)
        cursor = await self._run(self._desk.start_of(key, after))
        return await self._run(self._desk.read(key, cursor, 0.0, patience))

    # --- steps --------------------------------------------------------------------------------------------------------

    async def _run(self, operation: Operation[T]) -> T:
        async with Ear(self._server) as ear:
            try:
                step = next(operation)
                while True:
                    try:
                        brought = await self._do(step, ear)
                    except LOST as error:
                        step = operation.throw(LostError(reason_of(error)))
                    else:
                        step = operation.send(brought)
            except StopIteration as done:
                result: T = done.value
                return result

    async def _do(self, step: Step, ear: "Ear") -> Any:
        match step:
            case Calls((command,)):
                try:
                    return [await self._server.execute_command(*command)]
                except ResponseError as error:
                    return [error]
            case Calls(commands):
                pipe = self._server.pipeline(transaction=False)
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute(raise_on_error=False)
            case Pause(seconds):
                return await asyncio.sleep(seconds)
            case Listen(channel):
                return await ear.listen(channel)
            case Hear(seconds):
                return await ear.hear(seconds)


class Ear:
    """The subscription of one operation, if it has one; a new one after a broken connection."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._pubsub: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pubsub is not None:
            await self._pubsub.aclose()

    async def listen(self, channel: str) -> None:
        await self.__aexit__()
        self._pubsub = self._server.pubsub()
        await self._pubsub.subscribe(channel)
        if await self._pubsub.get_message(timeout=CALL_SECONDS) is None:
            raise TimeoutError("the subscription was not confirmed")

    async def hear(self, seconds: float) -> bytes | None:
        if self._pubsub is None:
            return None
        item = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=seconds)
        return item["data"] if item and item["type"] == "message" else None
