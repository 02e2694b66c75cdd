"""Between the sockets and the service: a bounded queue that conflates what may be conflated and names what it drops.

Closed bars are kept one by one, in order. Of forming bars and best prices only the newest of each stream is kept. When
the queue is full a closed bar is dropped and its stream is marked as suspect: the reader fetches it by REST.
"""

import asyncio

from shared.ports.exchange import BOOK, BestPrice, ConnectionLost, ConnectionRestored, FeedBatch, KlineFrame, Stream

CLOSED_LIMIT = 50_000
CONNECTION_LIMIT = 1_000


class Inbox:
    """Written by socket handlers, for which it never blocks and never raises; read by one reader.

    closed_limit: how many closed bars wait at most.
    dropped: how many were dropped because the queue was full.
    """

    def __init__(self, closed_limit: int = CLOSED_LIMIT) -> None:
        self._limit = closed_limit
        self._closed: list[KlineFrame] = []
        self._forming: dict[Stream, KlineFrame] = {}
        self._prices: dict[str, BestPrice] = {}
        self._connection: list[ConnectionLost | ConnectionRestored] = []
        self._suspect: dict[Stream, None] = {}
        self._odd: dict[Stream, str] = {}
        self._filled = asyncio.Event()
        self.dropped = 0

    def put_frame(self, frame: KlineFrame) -> None:
        """A bar from a stream."""
        stream = Stream(frame.kline.symbol, frame.kline.timeframe)
        if not frame.closed:
            self._forming[stream] = frame
        elif len(self._closed) < self._limit:
            self._closed.append(frame)
        else:
            self.dropped += 1
            self._suspect[stream] = None
        self._filled.set()

    def put_price(self, price: BestPrice) -> None:
        """A best bid and ask from a stream."""
        self._prices[price.symbol] = price
        self._filled.set()

    def put_odd(self, stream: Stream, reason: str) -> None:
        """A row of the stream cannot be. A price that waits is not the newest any more."""
        self._odd[stream] = reason
        if stream.kind == BOOK:
            self._prices.pop(stream.symbol, None)
        else:
            self._suspect[stream] = None
        self._filled.set()

    def put_connection(self, event: ConnectionLost | ConnectionRestored) -> None:
        """What became of a socket."""
        if len(self._connection) >= CONNECTION_LIMIT:  # nobody reads: the newest tell enough
            del self._connection[0]
        self._connection.append(event)
        self._filled.set()

    async def take(self, timeout_seconds: float) -> FeedBatch:
        """All that came in since the last call. Waits for something, at most that long; the batch may be empty."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._filled.wait()
        except TimeoutError:
            return FeedBatch()
        self._filled.clear()
        batch = FeedBatch(
            closed=self._closed,
            forming=tuple(self._forming.values()),
            prices=tuple(self._prices.values()),
            connection=self._connection,
            suspect=tuple(self._suspect),
            odd=self._odd,
        )
        self._closed, self._forming, self._prices, self._connection = [], {}, {}, []
        self._suspect, self._odd = {}, {}
        return batch
