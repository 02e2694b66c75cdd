"""Streams that went silent. A quiet market and a dead stream look alike, so the exchange is asked which it is.

A stream without a frame for ``stale_seconds`` of wall time is compared with REST. If REST has the same, the market is
quiet and nothing is wrong. If it has something else twice, ``GRACE_SECONDS`` apart, and there still is no frame, the
stream is dead. Then its socket is renewed, and not again soon if that did not help.
"""

from dataclasses import dataclass

from services.market_data.bar_tracks import BarTrack
from services.market_data.context import MarketDataContext
from services.market_data.feeds import MARKS
from services.market_data.marks import Marks
from shared.ports.exchange import BOOK, Kline, OddRowError, RejectedError, Stream

GRACE_SECONDS = 3.0  # an update is pushed every 2 s
PROBES_AT_ONCE = 20  # kline streams compared in one look
RENEW_SECONDS = 30.0  # before a socket is renewed again for the same stream, doubled each time
LONGEST_RENEW_SECONDS = 900.0


@dataclass(slots=True)
class Pulse:
    """What is known of the life of one stream. All times are steady time.

    heard_steady_ns: the last frame, or the last proof that there was none to send.
    next_probe_steady_ns: the next comparison with REST.
    differs_steady_ns: since when REST has something else; 0 when it has not.
    dead: whether REST had something else twice.
    renewals: how often its socket was renewed.
    next_renewal_steady_ns: before this, its socket is not renewed again.
    """

    heard_steady_ns: int
    next_probe_steady_ns: int = 0
    differs_steady_ns: int = 0
    dead: bool = False
    renewals: int = 0
    next_renewal_steady_ns: int = 0


class Streams:
    """One pulse for each watched stream."""

    def __init__(self, context: MarketDataContext, marks: Marks) -> None:
        self._context, self._marks = context, marks
        self._pulses: dict[Stream, Pulse] = {}
        self.probes = 0

    def watch(self, streams: list[Stream]) -> None:
        now_ns = self._context.clock.steady_ns()
        self._pulses.update((stream, Pulse(now_ns)) for stream in streams)

    def heard(self, stream: Stream) -> None:
        """A frame came."""
        pulse = self._pulses.get(stream)
        if pulse is not None:
            pulse.heard_steady_ns = self._context.clock.steady_ns()
            pulse.differs_steady_ns, pulse.dead, pulse.renewals = 0, False, 0

    def start_afresh(self) -> None:
        """Sockets were renewed: every stream gets its time again."""
        now_ns = self._context.clock.steady_ns()
        for pulse in self._pulses.values():
            pulse.heard_steady_ns = max(pulse.heard_steady_ns, now_ns)
            pulse.differs_steady_ns = 0

    def is_dead(self, stream: Stream) -> bool:
        pulse = self._pulses.get(stream)
        return pulse is not None and pulse.dead

    async def look(self) -> None:
        """Compare what is silent with REST and renew what is dead. Raises the port's errors."""
        silent = self._silent()
        if books := [stream for stream in silent if stream.kind == BOOK]:
            await self._compare_books(books)
        for stream in [stream for stream in silent if stream.kind != BOOK][:PROBES_AT_ONCE]:
            track = self._context.tracks.get(*stream)
            if track is not None:
                await self._compare_bars(track)
        self._renew([stream for stream in silent if self._pulses[stream].dead])

    def _silent(self) -> list[Stream]:
        steady_ns, stale_ns = self._context.clock.steady_ns(), self._context.settings.stale_seconds * 1e9
        tracks = self._context.tracks
        return [
            stream
            for stream, pulse in self._pulses.items()
            if steady_ns - pulse.heard_steady_ns > stale_ns
            and steady_ns >= pulse.next_probe_steady_ns
            and stream.symbol not in tracks.off
            and stream.symbol not in tracks.halted
            and self._context.feed.last_heard_steady_ns(stream)  # its socket is up; otherwise that is the news
        ]

    async def _compare_books(self, streams: list[Stream]) -> None:
        self.probes += 1
        asked_ns = self._context.clock.steady_ns()
        prices = {price.symbol: price for price in await self._context.best_prices([s.symbol for s in streams])}
        for stream in streams:
            if self._context.odd.reason(MARKS, stream.symbol):  # said by its name; whether its stream lives is no news
                self._probe_later(stream)
                continue
            price, quote = prices.get(stream.symbol), self._marks.quote(stream.symbol)
            same = price is None or (quote is not None and (price.bid, price.ask) == (quote.bid, quote.ask))
            if price is not None:
                self._marks.update(price, live=same)
            self._note(stream, asked_ns, same=same)

    async def _compare_bars(self, track: BarTrack) -> None:
        self.probes += 1
        frame = track.newest.kline if track.newest is not None else None
        since_ns = frame.open_time_ns if frame is not None else track.sequencer.next_open_ns
        if since_ns is None:
            return
        asked_ns = self._context.clock.steady_ns()
        try:
            rows = await self._context.klines(track, since_ns, 2)
        except (OddRowError, RejectedError):  # of this pair alone
            self._probe_later(track.stream)
            return
        silence_is_right = not rows or rows[-1].trades == 0 or (frame is not None and _equal(rows[-1], frame))
        self._note(track.stream, asked_ns, same=silence_is_right)

    def _probe_later(self, stream: Stream) -> None:
        self._pulses[stream].next_probe_steady_ns = self._context.clock.steady_ns() + int(GRACE_SECONDS * 1e9)

    def _note(self, stream: Stream, asked_steady_ns: int, *, same: bool) -> None:
        """What the comparison says of the stream; nothing if a frame came after all."""
        pulse, steady_ns = self._pulses[stream], self._context.clock.steady_ns()
        if pulse.heard_steady_ns >= asked_steady_ns:
            return
        if same:
            pulse.heard_steady_ns, pulse.differs_steady_ns, pulse.dead = steady_ns, 0, False
            return
        self._probe_later(stream)
        if pulse.differs_steady_ns:
            pulse.dead = True
        else:
            pulse.differs_steady_ns = steady_ns

    def _renew(self, dead: list[Stream]) -> None:
        steady_ns = self._context.clock.steady_ns()
        due = [stream for stream in dead if steady_ns >= self._pulses[stream].next_renewal_steady_ns]
        for stream in due:
            pulse = self._pulses[stream]
            wait_seconds = min(LONGEST_RENEW_SECONDS, RENEW_SECONDS * 2 ** min(pulse.renewals, 10))
            pulse.renewals += 1
            pulse.next_renewal_steady_ns = steady_ns + int(wait_seconds * 1e9)
        self._context.feed.reconnect(due, "a stream on it is dead")


def _equal(one: Kline, other: Kline) -> bool:
    return (one.open_time_ns, one.trades, one.volume, one.close) == (
        other.open_time_ns, other.trades, other.volume, other.close,
    )  # fmt: skip
