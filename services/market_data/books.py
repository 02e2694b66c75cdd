"""Order books, sampled by REST: what it would cost to trade a certain size in every pair, and its usual value.

The pair whose sample is the oldest comes next. In a steady state that is one pair after the other, spread evenly over
``book_seconds``. Pairs without a sample, or with one that is older than that, are asked for at once, a few at a time,
so that the first round is over quickly. Two things limit this: the exchange's own budget, in which everything else
goes first, and ``book_share`` of it. Where the market runs faster than the wall, a round takes as little as they allow:
prices move in market time, and an old book says nothing of the price of now.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from services.market_data.context import MarketDataContext
from services.market_data.feeds import BOOKS
from shared.adapters.binance.budget import WeightBudget
from shared.adapters.binance.exchange import depth_weight
from shared.domain.liquidity import SpreadStatistics, spread_at_size, summed_up
from shared.messages.market import BookSampled
from shared.ports.exchange import ExchangeError, OddRowError, OrderBook, RateLimitedError, RejectedError

LEVELS = 100  # a side; asked for
LEVELS_SENT, SUMS_SENT = 10, 10  # a side; on the wire, where everybody who decides walks them
SAMPLES = 60  # in the median
AT_A_TIME = 8
IDLE_SECONDS = 1.0
NEVER_NS = -(1 << 62)  # a steady clock may begin at 0
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 60.0


class Books:
    """Samples the books.

    weight_per_minute: the request weight that the exchange allows.
    published: how many samples were published so far.
    """

    def __init__(self, context: MarketDataContext, weight_per_minute: int) -> None:
        settings = context.settings
        self._context = context
        self._share = WeightBudget(context.clock, max(1, int(weight_per_minute * settings.book_share)))
        self._every_ns = int(settings.book_seconds * 1e9 / max(1.0, context.clock.speed))
        self._asked_steady_ns: dict[str, int] = {}
        self._turn_steady_ns = 0
        self._statistics: dict[str, SpreadStatistics] = defaultdict(lambda: SpreadStatistics(SAMPLES))
        self._thin: set[str] = set()
        self._is_first_round = True
        self._first_round = asyncio.Event()
        self.published = 0

    @property
    def thin(self) -> int:
        """How many pairs had a last book that was too thin for the size."""
        return len(self._thin)

    async def first_round(self, seconds: float) -> None:
        """Wait until every pair was sampled, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._first_round.wait()

    async def run(self) -> None:
        self._check_share()
        while True:
            if symbols := self._next():
                await self._sample(symbols)
            else:
                await asyncio.sleep(self._idle_seconds())

    def _symbols(self) -> list[str]:
        """The pairs that trade."""
        tracks = self._context.tracks
        return [symbol for symbol in tracks.symbols() if symbol not in tracks.halted]

    def _next(self) -> list[str]:
        """Whom to ask now: all that are overdue, as many as may be asked at a time, or the one whose turn it is."""
        steady_ns, symbols = self._context.clock.steady_ns(), self._symbols()
        asked_ns = {symbol: self._asked_steady_ns.get(symbol, NEVER_NS) for symbol in symbols}
        if self._is_first_round and symbols and all(symbol in self._asked_steady_ns for symbol in symbols):
            self._is_first_round = False
            self._first_round.set()
            self._context.log.info("books_sampled", pairs=self.published, thin=self.thin)
        symbols.sort(key=asked_ns.__getitem__)
        overdue = [symbol for symbol in symbols if steady_ns - asked_ns[symbol] >= self._every_ns]
        if overdue:
            return overdue[:AT_A_TIME]
        return symbols[:1] if steady_ns >= self._turn_steady_ns else []

    def _idle_seconds(self) -> float:
        left_seconds = (self._turn_steady_ns - self._context.clock.steady_ns()) / 1e9
        return min(IDLE_SECONDS, max(0.01, left_seconds))

    async def _sample(self, symbols: Sequence[str]) -> None:
        """Ask for books and publish what they say; failures only set the time for the next try."""
        answers: list[BookSampled] = []
        failures: list[ExchangeError] = []

        async def ask(symbol: str) -> None:
            try:
                await self._share.spend(depth_weight(LEVELS))
                time_ns = self._context.clock.now_ns()  # a sample is as old as its question
                book = await self._context.exchange.order_book(symbol, LEVELS)
            except OddRowError as error:  # of this pair alone
                self._context.odd.note(BOOKS, symbol, str(error))
                self._asked_steady_ns[symbol] = self._context.clock.steady_ns()
            except ExchangeError as error:
                failures.append(error)
                if isinstance(error, RejectedError):
                    self._asked_steady_ns[symbol] = self._context.clock.steady_ns()
            else:
                self._asked_steady_ns[symbol] = self._context.clock.steady_ns()
                self._context.odd.good(BOOKS, symbol)
                answers.append(self._sampled(symbol, book, time_ns))

        async with asyncio.TaskGroup() as asking:
            for symbol in symbols:
                asking.create_task(ask(symbol))
        await self._context.bus.set_books(answers)
        self.published += len(answers)
        self._turn_steady_ns = self._context.clock.steady_ns() + self._every_ns // max(1, len(self._symbols()))
        if failures:
            await self._back_off(failures)

    async def _back_off(self, failures: Sequence[ExchangeError]) -> None:
        """One line for all; nobody is asked again at once."""
        waits = [error.retry_after_seconds for error in failures if isinstance(error, RateLimitedError)]
        self._context.log.warning("books_failed", pairs=len(failures), reason=str(failures[0]))
        await asyncio.sleep(min(LONGEST_RETRY_SECONDS, max(RETRY_SECONDS, *waits, 0.0)))

    def _sampled(self, symbol: str, book: OrderBook, time_ns: int) -> BookSampled:
        bids = [(price, amount) for price, amount in book.bids if price > 0 and amount > 0]
        asks = [(price, amount) for price, amount in book.asks if price > 0 and amount > 0]
        size_usdt = self._context.settings.book_size_usdt
        spread, statistics = spread_at_size(bids, asks, size_usdt), self._statistics[symbol]
        statistics.add(spread)
        (self._thin.discard if spread is not None else self._thin.add)(symbol)
        return BookSampled(
            id=f"book-{symbol.replace('/', '')}-{time_ns}",
            time_ns=time_ns,
            symbol=symbol,
            bids=summed_up(bids, LEVELS_SENT, SUMS_SENT),
            asks=summed_up(asks, LEVELS_SENT, SUMS_SENT),
            size_usdt=size_usdt,
            spread=spread,
            median_spread=statistics.median,
            samples=statistics.count,
        )

    def _check_share(self) -> None:
        """Say so when the share of the weight is too small for a round in time: samples grow stale then."""
        needed = len(self._symbols()) * depth_weight(LEVELS) * 60.0 / self._context.settings.book_seconds
        if needed > self._share.capacity:
            self._context.log.warning(
                "books_slow",
                weight_per_minute=round(needed),
                share=round(self._share.capacity),
                remedy="raise market_data.book_share or market_data.book_seconds",
            )
