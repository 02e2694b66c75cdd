"""The gate for a bot that waits for its answers. ``async_gate.py`` has the same for asyncio."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import redis
from redis.exceptions import ResponseError
from redis.retry import Retry

from heatsink_client.answers import Answer, Entry, RoomLeft, Sizes, Verdict
from heatsink_client.connection import CALL_SECONDS, LOST, options, reason_of
from heatsink_client.desk import DEFAULT_URL, Desk, Ending, Side, rooms_by_pair
from heatsink_client.looking import SNAPSHOT_SECONDS
from heatsink_client.messages import Halted, Message, PortfolioMarked
from heatsink_client.steps import BLOCK_SECONDS, Calls, Hear, Listen, LostError, Operation, Pause, Step
from heatsink_client.wire import Amount

T = TypeVar("T")


class Gate:
    """heatsink, before an exchange: propose an order, and trade what the verdict allows.

        with Gate() as gate:
            verdict = gate.propose("ETH/USDT", "buy", "0.5", stop_price="3600", id="mine-1")
            if verdict:
                exchange.buy("ETH/USDT", verdict.quantity)

    It fails closed. A verdict is true only when something was approved: rejected, refused and unknown are all false,
    with the reason. ``propose``, ``cancel``, ``raise_stop``, ``room`` and reports return such an answer whatever
    happens to the server; ``portfolio``, ``halts``, ``sizes`` and whatever tells the state raise ``GateError`` when it
    is not known, so that no halt is taken for none. Entering the context raises it where there is no gate at all.

    url: the server's address, with the user and the password. portfolio: its name.
    client: this bot's name; left out, that of the user in the address.
    strategy: what its orders are proposed under, unless they say otherwise.
    timeout: seconds for an answer. A server that does not answer at all may add two.
    key: the file with the key that this client signs with, where it has to (``[clients.NAME] signed``); left out, what
        ``HEATSINK_CLIENT_KEY`` names. Raises ``GateError`` where it cannot be read. It is read once.

    It may be used by several threads at once.
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
        self._server: Any = redis.Redis.from_url(url, **options(Retry))

    def __enter__(self) -> Self:
        try:
            self._run(self._desk.check())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._server.close()

    @property
    def client(self) -> str:
        """The name under which it proposes and reports."""
        return self._desk.place.client

    # --- proposals ----------------------------------------------------------------------------------------------------

    def propose(
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
        """The verdict on an order. It is true when something of it was approved.

        quantity: base units. A float is taken by its shortest text; ``Decimal`` and text are exact.
        stop_price: required to buy, below the price. limit_price: makes it a limit order. Both are whole ticks.
        id: up to 36 of ``A-Z a-z 0-9 - _``. One id gets one verdict, however often it is proposed. Give one that
            follows from what led to the order, such as a strategy's name and the bar's time: then a bot that was killed
            may propose again what it does not know the verdict of. Left out, the order gets one by chance.
        reduce_only: never sell more than is held.
        expires_ns: market time after which it is not approved any more, nor open; see ``market_ns``.
        because: the message that led to it, such as a size: it lends the order its time, cause and trace.
        """
        return self._run(
            self._desk.propose(
                symbol, side, quantity, stop_price=stop_price, limit_price=limit_price, id=id, strategy=strategy,
                reduce_only=reduce_only, expires_ns=expires_ns, because=because, timeout=timeout,
            )
        )  # fmt: skip

    def cancel(self, order_id: str, *, reason: str = "", timeout: float | None = None) -> Answer:
        """Cancel what is left of an order. It is refused where no such order is open."""
        return self._run(self._desk.cancel(order_id, reason, timeout))

    def raise_stop(
        self, symbol: str, stop_price: Amount, *, because: Message | None = None, timeout: float | None = None
    ) -> Answer:
        """Raise the protective stop of what is held. A lower one is refused."""
        return self._run(self._desk.raise_stop(symbol, stop_price, because, timeout))

    def verdict_of(self, order_id: str, *, timeout: float | None = None) -> Verdict:
        """What became of an order whose verdict was unknown, or whose bot was killed.

        ``unknown`` with ``arrived`` ``yes``: it waits to be decided. With ``no``: the server knows no such order of the
        last 30 days, and it may be proposed under this id. Raises ``UnreachableError``.
        """
        return self._run(self._desk.verdict_of(order_id, timeout))

    # --- reports, of a bot that executes by itself --------------------------------------------------------------------

    def report_placed(
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
        """Say that an approved order stands at the exchange. price: its limit; None for one at the market.

        Reports are for ``orders = "client"`` in ``stack.toml``. Each may be repeated: nothing is booked twice. One that
        is not taken says why, and where money could be wrong it halts its pair.
        """
        about = {"venue_order_id": venue_order_id, "time_ns": time_ns, "timeout": timeout}
        return self._run(self._desk.report_placed(order_id, symbol, quantity, price, **about))

    def report_fill(
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
        """Say that an approved order traded; once for each trade, by the exchange's id of it.

        quantity: base units; what arrived, where the exchange took its fee out of them. fee_usdt: what it was worth.
        stop: the protective stop sold; its order_id is the one that ``ReportAwaited`` and ``StopPlaced`` name.
        """
        amounts: dict[str, Amount | None] = {"quantity": quantity, "price": price, "fee_usdt": fee_usdt}
        about = {"trade_id": trade_id, "liquidity": liquidity, "stop": stop, "time_ns": time_ns, "timeout": timeout}
        return self._run(self._desk.report_fill(order_id, amounts, symbol=symbol, side=side, **about))

    def report_closed(
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
        """Say that nothing more happens to an order. quantity_filled: the sum of its trades.

        Where the answer's message is ``ReportAwaited``, trades are missing in that sum: report them.
        """
        about = {"symbol": symbol, "ending": ending, "reason": reason, "time_ns": time_ns, "timeout": timeout}
        return self._run(self._desk.report_closed(order_id, quantity_filled, **about))

    def report_stop(
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
        return self._run(self._desk.report_stop(symbol, stop_price, quantity, **about))

    # --- questions ----------------------------------------------------------------------------------------------------

    def room(
        self,
        symbol: str,
        *,
        stop_price: Amount | None = None,
        limit_price: Amount | None = None,
        strategy: str = "",
        timeout: float | None = None,
    ) -> RoomLeft:
        """The largest purchase that would be approved now, by the same rules. It reserves nothing.

        stop_price: of that purchase; left out, where sizing would set it.
        """
        asked = self._desk.room(
            symbol, stop_price=stop_price, limit_price=limit_price, strategy=strategy, timeout=timeout
        )
        return self._run(asked)[0]

    def rooms(self, *, strategy: str = "", timeout: float | None = None) -> dict[str, RoomLeft]:
        """The room of every pair. Raises ``StaleError`` when nobody answers."""
        asked = self._desk.room("", stop_price=None, limit_price=None, strategy=strategy, timeout=timeout)
        return rooms_by_pair(self._run(asked))

    def sizes(self, *, timeframe: str = "") -> Sizes:
        """The newest size of a full position in each pair; of one timeframe, or of any. Raises ``GateError``."""
        return self._run(self._desk.sizes(timeframe))

    def portfolio(self, *, max_age: float = SNAPSHOT_SECONDS) -> PortfolioMarked:
        """NAV, heat and positions. Raises ``StaleError`` when the snapshot is older than so many seconds."""
        return self._run(self._desk.portfolio(max_age))

    def halts(self, *, max_age: float = SNAPSHOT_SECONDS) -> tuple[Halted, ...]:
        """The halts in force, those of the whole portfolio (``symbol`` is empty) first. Raises like ``portfolio``."""
        return self._run(self._desk.halts(max_age))

    def market_ns(self, *, in_seconds: float = 0.0) -> int:
        """Market time now, or in so many seconds of this machine's clock, in nanoseconds. Raises ``GateError``."""
        return self._run(self._desk.market_ns(in_seconds))

    # --- streams ------------------------------------------------------------------------------------------------------

    def follow(self, topic: str, *, after: str = "now", patience: float = 30.0) -> Iterator[Entry]:
        """The entries of a stream, for ever: ``decided``, ``executed``, ``halts``, ``bars:1h``, ...

        ``proposed`` are the proposals of this client alone.

        after: ``now``, ``start``, or the id of the last entry that was handled. A bot that keeps it misses nothing.
        patience: seconds for which a server may be away. Raises ``UnreachableError`` then, and ``MissedError`` when
            entries are gone that were not read.
        """
        key = self._desk.key_of(topic)
        cursor = self._run(self._desk.start_of(key, after))
        while True:
            entries, cursor = self._run(self._desk.read(key, cursor, BLOCK_SECONDS, patience))
            yield from entries

    def read(self, topic: str, *, after: str = "now", patience: float = 5.0) -> tuple[list[Entry], str]:
        """What followed an entry of a stream, without waiting for more, and where to read on; at most 200 entries.

        For bots that have a loop of their own; otherwise as ``follow``.
        """
        key = self._desk.key_of(topic)
        cursor = self._run(self._desk.start_of(key, after))
        return self._run(self._desk.read(key, cursor, 0.0, patience))

    # --- steps --------------------------------------------------------------------------------------------------------

    def _run(self, operation: Operation[T]) -> T:
        with Ear(self._server) as ear:
            try:
                step = next(operation)
                while True:
                    try:
                        brought = self._do(step, ear)
                    except LOST as error:
                        step = operation.throw(LostError(reason_of(error)))
                    else:
                        step = operation.send(brought)
            except StopIteration as done:
                result: T = done.value
                return result

    def _do(self, step: Step, ear: "Ear") -> Any:
        match step:
            case Calls((command,)):
                try:
                    return [self._server.execute_command(*command)]
                except ResponseError as error:
                    return [error]
            case Calls(commands):
                pipe = self._server.pipeline(transaction=False)
                for command in commands:
                    pipe.execute_command(*command)
                return pipe.execute(raise_on_error=False)
            case Pause(seconds):
                return time.sleep(seconds)
            case Listen(channel):
                return ear.listen(channel)
            case Hear(seconds):
                return ear.hear(seconds)


class Ear:
    """The subscription of one operation, if it has one; a new one after a broken connection."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._pubsub: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pubsub is not None:
            self._pubsub.close()

    def listen(self, channel: str) -> None:
        self.__exit__()
        self._pubsub = self._server.pubsub()
        self._pubsub.subscribe(channel)
        if self._pubsub.get_message(timeout=CALL_SECONDS) is None:
            raise TimeoutError("the subscription was not confirmed")

    def hear(self, seconds: float) -> bytes | None:
        item = self._pubsub.get_message(ignore_subscribe_messages=True, timeout=seconds) if self._pubsub else None
        return item["data"] if item and item["type"] == "message" else None
