"""What the paper exchange knows of the market: the latest quote, the depth and the listing of every pair."""

from shared.domain.bars.series import DailyHistory, NewestBars
from shared.domain.execution.paper.prices import Depth, Quote
from shared.domain.plan import SizingPlan
from shared.domain.timeframes import DAILY
from shared.domain.universe import PairNames, Universe
from shared.messages.market import BarClosed, MarkChanged

UNKNOWN = Depth()


class PaperMarket:
    """What is known of prices and depth. All of it derives from the market, so none of it is in the records.

    quote_age_limit_ns: market time after which a quote is too old to fill an order at.
    clock_slack_ns: market time by which a quote may be ahead of our clock; 0 for any, as in replays.
    """

    def __init__(self, plan: SizingPlan, universe: Universe, quote_age_limit_ns: int, clock_slack_ns: int) -> None:
        self._plan = plan
        self._quote_age_limit_ns, self._clock_slack_ns = quote_age_limit_ns, clock_slack_ns
        self._names = PairNames(universe)
        self._quotes: dict[str, Quote] = {}
        self._histories: dict[str, DailyHistory] = {}
        self._newest = NewestBars()

    def fresh_quote(self, symbol: str, now_ns: int) -> Quote | None:
        """The latest quote; None when there is none, or it is too old or of a time to come: nobody trades on that."""
        quote = self._quotes.get(symbol)
        if quote is None or now_ns - quote.time_ns > self._quote_age_limit_ns or self._is_ahead(quote, now_ns):
            return None
        return quote

    def _is_ahead(self, quote: Quote, now_ns: int) -> bool:
        """Whether somebody's clock was wrong when the quote was taken: nobody knows how old it is."""
        return now_ns > 0 and 0 < self._clock_slack_ns < quote.time_ns - now_ns

    def knows(self, symbol: str) -> bool:
        """Whether the pair is in the universe, by any of its names."""
        return self._names.get(symbol) is not None

    def depth(self, symbol: str, at_ns: int) -> Depth:
        """How much the pair bore at that moment. It goes on through a rename, for it is the same market."""
        named = self._names.get(symbol)
        history = self._histories.get(named.pair if named else symbol)
        if history is None:
            return UNKNOWN
        daily = history.as_of(at_ns)
        return Depth(daily.adv_usdt, daily.sigma_day)

    def take_mark(self, mark: MarkChanged, now_ns: int) -> Quote | None:
        """The new quote; None when the mark is older than what is known."""
        return self._take(mark.symbol, Quote(mark.price, mark.bid, mark.ask, mark.time_ns), now_ns)

    def take_bar(self, bar: BarClosed) -> bool:
        """Remember the bar; False when it is not newer than the last of its timeframe."""
        if not self._newest.take(bar):
            return False
        if bar.timeframe == DAILY:
            self._take_day(bar)
        return True

    def take_close(self, bar: BarClosed, now_ns: int) -> Quote | None:
        """A bar's close is a mark too; None when a newer one is known."""
        return self._take(bar.symbol, Quote(bar.close, 0.0, 0.0, bar.close_time_ns), now_ns)

    def _take(self, symbol: str, quote: Quote, now_ns: int) -> Quote | None:
        """What was quoted at a time to come keeps nothing out."""
        known = self._quotes.get(symbol)
        if known is not None and quote.time_ns < known.time_ns and not self._is_ahead(known, now_ns):
            return None
        self._quotes[symbol] = quote
        return quote

    def forget_after(self, now_ns: int) -> None:
        """The clock stepped back: forget quotes of a time to come, which would keep newer ones out."""
        self._quotes = {symbol: quote for symbol, quote in self._quotes.items() if quote.time_ns <= now_ns}

    def _take_day(self, bar: BarClosed) -> None:
        named = self._names.get(bar.symbol)
        pair, price_ratio = (named.pair, named.price_ratio) if named else (bar.symbol, 1.0)
        history = self._histories.get(pair)
        if history is None:
            history = DailyHistory(atr_days=self._plan.atr_days, adv_days=self._plan.adv_days)
            self._histories[pair] = history
        history.add(bar, price_ratio)
