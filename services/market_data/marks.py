"""Live prices, conflated: at most one mark per pair in ``mark_interval_ms`` of wall time.

The exchange sends best bid and ask only when they change. An unchanged price is still the price, so it is said again
every ``AGAIN_SECONDS``, as long as the socket that would bring a change delivers anything at all. A mark's time is the
time of that evidence, so a dead socket lets its marks age, and the risk service closes the gate.
"""

import asyncio
from dataclasses import dataclass

from services.market_data.context import MarketDataContext
from services.market_data.feeds import MARKS
from shared.messages.market import MarkChanged
from shared.ports.exchange import BOOK, BestPrice, KlineFrame, Stream

AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Quote:
    """The newest price of a pair.

    price: the mid of bid and ask, or the last price; in USDT per unit.
    bid, ask: the best ones; 0 without a book.
    seen_steady_ns: steady time at which it was last known to be right.
    said_steady_ns: steady time at which it was last published; 0 before that.
    changed: whether it is another one than was last published.
    """

    price: float
    bid: float
    ask: float
    seen_steady_ns: int
    said_steady_ns: int = 0
    changed: bool = True


class Marks:
    """The newest price of every pair, and the marks that are made of it.

    doubtful: pairs whose stream may have missed a change. Their price is published again only on new evidence.
    published: how many marks were published so far.
    """

    def __init__(self, context: MarketDataContext) -> None:
        self._context = context
        self._quotes: dict[str, Quote] = {}
        self.doubtful: set[str] = set()
        self.published = 0

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def doubt_all(self) -> None:
        """The connection broke: what changed since is unknown."""
        self.doubtful.update(self._quotes)

    def update(self, price: BestPrice, *, live: bool = True) -> bool:
        """Take in a best price unless a newer one is known; says whether it is another one. live: its stream works."""
        known = self._quotes.get(price.symbol)
        if known is not None and price.seen_steady_ns < known.seen_steady_ns and known.bid:
            return False
        if live:
            self.doubtful.discard(price.symbol)
        else:
            self.doubtful.add(price.symbol)
        mid = (price.bid + price.ask) / 2
        if known is None:
            self._quotes[price.symbol] = Quote(mid, price.bid, price.ask, price.seen_steady_ns)
            return True
        changed = (known.bid, known.ask) != (price.bid, price.ask)
        known.price, known.bid, known.ask = mid, price.bid, price.ask
        known.seen_steady_ns = price.seen_steady_ns
        known.changed = known.changed or changed
        return changed

    def last_price(self, frame: KlineFrame) -> None:
        """The close of a forming bar: the mark of a pair without a book."""
        symbol, close = frame.kline.symbol, frame.kline.close
        known = self._quotes.get(symbol)
        if known is None or known.bid == 0:
            changed = known is None or known.price != close or known.changed
            said_ns = known.said_steady_ns if known is not None else 0
            self._quotes[symbol] = Quote(
                price=close,
                bid=0.0,
                ask=0.0,
                seen_steady_ns=self._context.clock.steady_ns(),
                said_steady_ns=said_ns,
                changed=changed,
            )

    async def run(self) -> None:
        while True:
            await self._context.bus.set_marks(self.due())
            await asyncio.sleep(self._context.settings.mark_interval_ms / 1000)

    def due(self) -> list[MarkChanged]:
        """The marks that are to be published now."""
        steady_ns = self._context.clock.steady_ns()
        marks = []
        for symbol, quote in self._quotes.items():
            if symbol in self._context.tracks.off:
                continue
            heard_ns = self._heard_steady_ns(symbol, quote)
            again = heard_ns > quote.said_steady_ns and steady_ns - quote.said_steady_ns >= AGAIN_SECONDS * 1e9
            if quote.changed or again:
                quote.changed, quote.said_steady_ns = False, steady_ns
                marks.append(self._mark(symbol, quote, steady_ns - heard_ns))
        self.published += len(marks)
        return marks

    def _heard_steady_ns(self, symbol: str, quote: Quote) -> int:
        """When we last knew that this is the price."""
        is_doubtful = symbol in self.doubtful or symbol in self._context.tracks.halted or quote.bid == 0
        if is_doubtful or self._context.odd.reason(MARKS, symbol):
            return quote.seen_steady_ns
        return max(quote.seen_steady_ns, self._context.feed.last_heard_steady_ns(Stream(symbol, BOOK)))

    def _mark(self, symbol: str, quote: Quote, age_steady_ns: int) -> MarkChanged:
        time_ns = self._context.clock.now_ns() - int(max(0, age_steady_ns) * self._context.clock.speed)
        return MarkChanged(
            id=f"mark-{symbol.replace('/', '')}-{time_ns}",
            time_ns=time_ns,
            symbol=symbol,
            price=quote.price,
            bid=quote.bid,
            ask=quote.ask,
        )
