"""Turns the passing of market time into frames for those who listen."""

from typing import Any, NamedTuple

from services.exchange_sim import frames
from services.exchange_sim.book import Book, Quote
from services.exchange_sim.faults import ActiveFaults
from services.exchange_sim.market.bars import INTERVALS, Interval
from services.exchange_sim.market.market import Market
from services.exchange_sim.odd_rows import spoil
from services.exchange_sim.quotes import book_of, quote_of, rolling_of
from services.exchange_sim.streams import Connection, Frame, Hub
from shared.domain.timeframes import MS_NS, SECOND_NS
from shared.ports.clock import Clock

FORMING_WALL_NS = 2 * SECOND_NS  # between frames of a forming bar
TICKER_WALL_NS = SECOND_NS  # between mini tickers, and between diffs of the slow depth stream
DIFF_LEVELS = 100  # a side, in the diff depth streams
PARTIAL_LEVELS = (5, 10, 20)

Listeners = dict[str, list[Connection]]


class KlineStream(NamedTuple):
    name: str
    symbol: str
    interval: Interval


class _Held(NamedTuple):
    """A closed frame that a fault keeps back until a wall time, or until its stream sends the next one."""

    frame: Frame
    until_steady_ns: int | None


class Publisher:
    """One ``tick`` sends everything that happened since the tick before."""

    def __init__(self, market: Market, hub: Hub, clock: Clock, faults: ActiveFaults) -> None:
        self._market = market
        self._hub = hub
        self._clock = clock
        self._faults = faults
        self.tick_ms = self._now_ms()
        self._forming_steady_ns = self._ticker_steady_ns = 0
        self._quotes: dict[str, Quote] = {}
        self._books: dict[str, tuple[int, Book]] = {}
        self._held: list[_Held] = []
        self._seen_minis: dict[str, float] = {}

    def _now_ms(self) -> int:
        return self._clock.now_ns() // MS_NS

    def tick(self) -> None:
        now_ms, steady_ns = self._now_ms(), self._clock.steady_ns()
        listeners = self._hub.listeners()
        klines = [stream for name in listeners if (stream := self._kline_stream(name, now_ms)) is not None]
        self._send_closed(klines, listeners, now_ms)
        self._send_overdue(listeners, steady_ns)
        if steady_ns - self._forming_steady_ns >= FORMING_WALL_NS:
            self._forming_steady_ns = steady_ns
            self._send_forming(klines, listeners, now_ms)
        is_second = steady_ns - self._ticker_steady_ns >= TICKER_WALL_NS
        if is_second:
            self._ticker_steady_ns = steady_ns
            self._send_all_minis(listeners, now_ms)
        for name in listeners:
            self._send_other(name, listeners, now_ms, is_second=is_second)
        self.tick_ms = now_ms
        for connection in self._hub.connections:
            connection.keep_alive()

    def _kline_stream(self, name: str, now_ms: int) -> KlineStream | None:
        symbol, _, kind = name.partition("@kline_")
        found = self._market.find(symbol.upper(), now_ms) if symbol.islower() and kind in INTERVALS else None
        return None if found is None else KlineStream(name, symbol.upper(), INTERVALS[kind])

    def _frame(self, stream: str, payload: Any) -> Frame:
        """A message of a stream, or what a fault makes of it."""
        symbol = stream.partition("@")[0].upper()
        return Frame(stream, spoil(payload, stream, symbol, self._faults, self._clock.steady_ns()))

    def _send_closed(self, streams: list[KlineStream], listeners: Listeners, now_ms: int) -> None:
        """Every bar that ended since the last tick, however many, in the order of their ends, the longer first."""
        closed: list[tuple[int, KlineStream, frames.Kline]] = []
        ended = {one for one in INTERVALS.values() if one.open_of(self.tick_ms) < one.open_of(now_ms)}
        for stream in (stream for stream in streams if stream.interval in ended):
            bars = self._market.closed_between(stream.symbol, stream.interval, self.tick_ms, now_ms)
            closed.extend((kline.close_ms, stream, kline) for kline in frames.klines(bars, stream.interval))
        for _, stream, kline in sorted(closed, key=lambda one: (one[0], -one[1].interval.length_ms)):
            self._send_one_closed(stream, kline, listeners, now_ms)

    def _send_one_closed(self, stream: KlineStream, kline: frames.Kline, listeners: Listeners, now_ms: int) -> None:
        """Send a closed bar, or what a fault makes of it."""
        steady_ns, interval = self._clock.steady_ns(), stream.interval.name
        swapped = [held for held in self._held if held.until_steady_ns is None and held.frame.stream == stream.name]
        fault = None
        if not swapped:  # the frame that lets a held one pass is spared, or none would ever pass
            fault = self._faults.frame_fault(
                stream=stream.name, symbol=stream.symbol, timeframe=interval, now_steady_ns=steady_ns
            )
        kind = fault.fault if fault is not None else ""
        event = frames.kline_event(stream.symbol, interval, kline, closed=kind != "unclosed", event_ms=now_ms)
        frame = self._frame(stream.name, event)
        if fault is not None and kind == "late":
            self._held.append(_Held(frame, steady_ns + int(fault.seconds * 1e9)))
        elif kind == "out_of_order":
            self._held.append(_Held(frame, None))
        else:
            for _ in range({"missing": 0, "duplicate": 2}.get(kind, 1)):
                self._hub.send(frame, listeners)
        self._release(swapped, listeners)

    def _send_overdue(self, listeners: Listeners, steady_ns: int) -> None:
        """Late frames whose time has come."""
        overdue = [
            held for held in self._held if held.until_steady_ns is not None and held.until_steady_ns <= steady_ns
        ]
        self._release(overdue, listeners)

    def _release(self, released: list[_Held], listeners: Listeners) -> None:
        for held in released:
            self._held.remove(held)
            self._hub.send(held.frame, listeners)

    def _send_forming(self, streams: list[KlineStream], listeners: Listeners, now_ms: int) -> None:
        for stream in streams:
            if not self._market.is_trading(stream.symbol, now_ms):
                continue
            symbol, interval = stream.symbol, stream.interval
            for kline in frames.klines(self._market.forming(symbol, interval, now_ms), interval):
                event = frames.kline_event(symbol, interval.name, kline, closed=False, event_ms=now_ms)
                self._hub.send(self._frame(stream.name, event), listeners)

    def _send_all_minis(self, listeners: Listeners, now_ms: int) -> None:
        if "!miniTicker@arr" not in listeners:
            return
        changed = []
        for listing in self._market.listed(now_ms):
            rolling = rolling_of(self._market, listing.instrument.symbol, now_ms)
            if self._seen_minis.get(rolling.symbol) != rolling.last:
                self._seen_minis[rolling.symbol] = rolling.last
                changed.append(frames.mini_ticker_event(rolling))
        if changed:
            self._hub.send(Frame("!miniTicker@arr", changed), listeners)

    def _send_other(self, name: str, listeners: Listeners, now_ms: int, *, is_second: bool) -> None:
        lower, _, kind = name.partition("@")
        symbol = lower.upper()
        if not lower.islower() or self._market.find(symbol, now_ms) is None:
            return
        payload: Any = None
        if kind == "bookTicker":
            payload = self._book_ticker(symbol, now_ms)
        elif kind == "miniTicker" and is_second:
            payload = frames.mini_ticker_event(rolling_of(self._market, symbol, now_ms))
        elif kind == "depth@100ms" or (kind == "depth" and is_second):
            payload = self._depth_diff(name, symbol, now_ms)
        elif kind.startswith("depth"):
            payload = self._partial_depth(kind, symbol, now_ms, is_second=is_second)
        if payload is not None:
            self._hub.send(self._frame(name, payload), listeners)

    def _book_ticker(self, symbol: str, now_ms: int) -> dict[str, Any] | None:
        """Only what changed: where nothing trades the stream is silent."""
        quote = quote_of(self._market, symbol, now_ms) if self._market.is_trading(symbol, now_ms) else None
        if quote is None or self._quotes.get(symbol) == quote:
            return None
        self._quotes[symbol] = quote
        return frames.book_ticker_event(symbol, quote, now_ms)

    def _partial_depth(self, kind: str, symbol: str, now_ms: int, *, is_second: bool) -> dict[str, Any] | None:
        count, _, speed = kind.removeprefix("depth").partition("@")
        if not count.isdecimal() or int(count) not in PARTIAL_LEVELS or not (is_second or speed == "100ms"):
            return None
        book = book_of(self._market, symbol, now_ms, int(count))
        return None if book is None else frames.depth(book, now_ms)

    def _depth_diff(self, name: str, symbol: str, now_ms: int) -> dict[str, Any] | None:
        """Update ids are market milliseconds, so that they fit the snapshots that REST shows of the same tick."""
        is_new = now_ms > self.tick_ms and self._market.is_trading(symbol, now_ms)
        after = book_of(self._market, symbol, now_ms, DIFF_LEVELS) if is_new else None
        if after is None:
            return None
        before_ms, before = self._books.get(name, (self.tick_ms, None))
        if before is None:
            before = book_of(self._market, symbol, before_ms, DIFF_LEVELS) or Book({}, {})
        self._books[name] = (now_ms, after)
        return frames.depth_event(symbol, before, after, first_id=before_ms + 1, last_id=now_ms, event_ms=now_ms)
