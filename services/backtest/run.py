"""One backtest: the machines that trade, over stored klines, instant by instant.

At every instant the pairs that begin or end come first, then the price within the bars (on the jumping market), then
the bars that close. Whatever follows from them settles before anything is measured: stops are filled, fills are booked,
sizes and orders made, decided and filled. Then the operator acts, and the recorder takes the figures.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from services.backtest.machines import host_of, specs_of
from services.backtest.market.books import BookFeed
from services.backtest.market.filters import filters_of
from services.backtest.market.listings import Due, Filters, listings
from services.backtest.market.market import Market
from services.backtest.market.needed import require_bars
from services.backtest.market.path import jumps, opens
from services.backtest.market.reader import KlineReader, reader_of
from services.backtest.modelled_books import ModelledBooks
from services.backtest.next_open import NextOpen
from services.backtest.operator import Operator
from services.backtest.options import HISTORY_DAYS, BacktestOptions
from services.backtest.recorder.coverage import CoverageRecorder
from services.backtest.recorder.recorder import Recorder
from services.backtest.result import Run
from services.backtest.setup import setup_of
from shared.domain.risk.machine import RiskMachine
from shared.domain.timeframes import MS_NS
from shared.messages.base import Message
from shared.messages.control import Flatten
from shared.messages.market import MarkChanged
from shared.runtime.columns import Block, Instant, Prices, instants, seen

Progress = Callable[[int, int], None]  # market time in ns, bars so far


def no_progress(_now_ns: int, _bars: int) -> None:
    """For whoever does not watch."""


class BacktestRun:
    """A run, as a whole or instant by instant.

        run = BacktestRun(options).play()

        played = BacktestRun(options)
        for messages in played.instants():
            ...
        run = played.result()

    reader: in place of the store of the options. filters: ticks and lots by name, in place of those that bars show.

    Raises ``NoMarketError`` and ``RecordingError`` where the store does not have what it takes.

    host: what runs the machines. risk: the machine whose state is measured. recorder: what was kept so far.
    """

    def __init__(
        self,
        options: BacktestOptions,
        reader: KlineReader | None = None,
        filters: Mapping[str, Filters] = MappingProxyType({}),
    ) -> None:
        self.options, self.filters = options, dict(filters)
        settings, factor = options.run_settings, options.history_factor
        reader = reader or reader_of(options.store, options.start_ms)
        require_bars(options, reader)
        self.market = Market(
            reader,
            settings.universe,
            bars=options.market_bars,
            timeframes=options.timeframes,
            start_ms=options.start_ms,
            end_ms=options.end_ms,
            history_days=HISTORY_DAYS * factor,
            history_bars=settings.market_data.warmup_bars * factor,
        )
        self.end_ms = min(options.end_ms, max(last for _, last in self.market.spans.values()) + self.market.bar_ms)
        self.specs = specs_of(options)
        self.host = host_of(options, self.specs)
        self.risk = next(each for spec in self.specs if isinstance(each := spec.machine, RiskMachine))
        if options.books == "modelled":
            self.risk.state.books = ModelledBooks(self.risk.state, settings.market_data.book_size_usdt)
        self._books = BookFeed(options.books_path, options.start_ms * MS_NS, options.end_ms * MS_NS)
        self._held_back = next((each for spec in self.specs if isinstance(each := spec.machine, NextOpen)), None)
        start_ns, bar_ns = options.start_ms * MS_NS, self.market.bar_ms * MS_NS
        self.recorder = Recorder(
            self.risk.state,
            settings.plan,
            settings.universe,
            bar_ns=bar_ns,
            start_ns=start_ns,
            mark_of=self._mark_of,
        )
        self.coverage = CoverageRecorder(settings.universe, settings.plan.sizing.min_history_days, options.start_ms)
        self._operator = Operator(options.resume_after_hours)
        self._due: list[Due] = []
        self.played = self.bars = 0
        self.last_ns = options.start_ms * MS_NS

    # --- the loop -------------------------------------------------------------------------------------------------

    def play(self, progress: Progress = no_progress) -> Run:
        """Play the market to its end."""
        for _ in self.instants(progress):
            pass
        return self.result()

    def instants(self, progress: Progress = no_progress) -> Iterator[list[Message]]:
        """Play the market; yields the messages of each instant, once all has settled and was recorded."""
        self._begin()
        for block in self.market.months():
            self.coverage.take(block)
            self.host.enter(block)
            for instant in instants(block):
                messages = self._play(block, instant)
                self.recorder.take(instant.close_ns, messages)
                self.played += 1
                self.last_ns = instant.close_ns
                yield messages
            self.host.leave()
            self.bars += block.bars
            progress(self.last_ns, self.bars)
        self.recorder.finish(self.last_ns)

    def _begin(self) -> None:
        """Tell the machines the time, then the history, as a stack that starts is told it; then list the pairs.

        What is not listed is not traded, so nothing is before the first bar that closes after the start.
        """
        self.filters = self.filters or self._shown_filters()
        spans = {name: span for name, span in self.market.spans.items() if name in self.filters}
        self._due = listings(
            self.options.universe,
            spans,
            self.filters,
            bar_ms=self.market.bar_ms,
            start_ms=self.options.start_ms,
            end_ms=self.end_ms,
        )
        self._due.reverse()  # the next one stands at the end
        history = self.market.history()
        self.coverage.take(history)
        begin_ns, made = self.options.start_ms * MS_NS, list[Message]()
        self.host.advance_clock(begin_ns, made)
        for played in self.host.play(history):
            made += played.messages
        made += self.host.feed([each.message for each in self._take_due(begin_ns)])
        self._operator.look(made)
        self.recorder.take(begin_ns, made)

    def _shown_filters(self) -> dict[str, Filters]:
        return {name: filters_of(columns) for name, columns in self.market.samples().items()}

    def _play(self, block: Block, instant: Instant) -> list[Message]:
        """One instant, to where nothing follows any more."""
        host, made, now_ns = self.host, list[Message](), instant.close_ns
        base_ns = next(
            (_opened_ns(block, each) for each in instant.rows if each[0] == self.options.market_bars), now_ns
        )
        for due in self._take_due(base_ns):
            made += host.feed([due.message])
        for prices in self._prices_within(block, instant):
            made += host.see(prices)
            self.recorder.curve.take(prices.time_ns)
        if samples := self._books.until(now_ns):
            made += host.feed(samples)
        made += host.meet(instant)
        for due in self._take_due(now_ns):
            made += self._end_pair(due, now_ns)
        self._operator.look(made)
        return made + self._operator.act(host, now_ns)

    def _prices_within(self, block: Block, instant: Instant) -> Iterator[Prices]:
        """The prices that are seen before the bars close."""
        bars = self.options.market_bars
        rows = [row for timeframe, row in instant.rows if timeframe == bars]
        if not rows:
            return
        if self.options.market == "jumping":
            yield from jumps(block, bars, rows[0])
        elif self._held_back is not None and self._held_back.waiting:
            prices = opens(block, bars, rows[0], self._held_back.waiting)
            if seen(prices):
                yield prices

    def _end_pair(self, due: Due, now_ns: int) -> list[Message]:
        """What comes after the last bar of a pair: it is sold at its last price, then it is gone."""
        if not isinstance(due.message, Flatten):
            return self.host.feed([due.message])
        symbol = due.message.symbol
        self.recorder.fills.ending.add(symbol)
        made = self.host.feed([due.message])
        if self._held_back is not None and symbol in self._held_back.waiting and (price := self._mark_of(symbol)):
            self._held_back.ended.add(symbol)
            last = MarkChanged(id=f"last-{now_ns}-{symbol}", time_ns=now_ns, symbol=symbol, price=price)
            made += self.host.feed([last])  # there is no next open
        return made

    def _take_due(self, until_ns: int) -> list[Due]:
        """What is due by then, in order."""
        taken: list[Due] = []
        while self._due and self._due[-1].time_ns <= until_ns:
            taken.append(self._due.pop())
        return taken

    def _mark_of(self, symbol: str) -> float:
        """The last price of a name, USDT per unit; 0 where none is known."""
        self.host.refresh(symbol)
        pair = self.risk.state.heat.pair(symbol)
        return pair.mark if pair is not None else 0.0

    # --- what came of it ------------------------------------------------------------------------------------------

    def result(self) -> Run:
        """All that was recorded. Call it when the market was played to its end."""
        options, recorder, market = self.options, self.recorder, self.market
        setup = setup_of(options, data=self._books.digest_with(market.digest))
        return Run(
            setup=setup,
            start_ns=options.start_ms * MS_NS,
            end_ns=self.last_ns,
            starting_nav=options.settings.portfolio.starting_cash_usdt,
            instants=self.played,
            bars=self.bars,
            curve=recorder.curve.result(),
            exposure=recorder.exposure.result(),
            fills=tuple(recorder.fills.fills),
            trades=tuple(recorder.fills.trades),
            verdicts=recorder.verdicts.result(),
            halts=tuple(recorder.halts.spans),
            phases=tuple(recorder.phases),
            coverage=self.coverage.result(market.spans, market.counted, market.bar_ms, self.end_ms),
            signals=dict(sorted(recorder.signals.items())),
            raises=recorder.raises,
            alerts=recorder.alerts,
            market_returns=self.coverage.market_returns(),
        )


def _opened_ns(block: Block, row: tuple[str, int]) -> int:
    timeframe, number = row
    return int(block.grids[timeframe].open_ms[number]) * MS_NS
