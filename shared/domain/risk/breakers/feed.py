"""Feed: while a feed of a pair is lost, nobody knows its price. The pair halts until every feed is back, gap-free."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from shared.domain.risk.breakers.base import Breaker
from shared.domain.risk.state.halts import NewHalt
from shared.messages.base import Message
from shared.messages.halts import Halted
from shared.messages.market import FeedLost, FeedRestored, PairListed

LOST_FEED = "lost_feed"


class Feed(Breaker):
    """The lost feeds are records, so a restart does not forget that one is missing. No symbol means the portfolio."""

    name = "feed"
    records: ClassVar[dict[str, type[Struct]]] = {LOST_FEED: FeedLost}

    def on_time(self, message: Message) -> Sequence[Message]:
        """What was lost while this breaker was switched off counts once it is switched on."""
        if not self.is_on or not self._state.records.count(LOST_FEED):
            return ()
        begun: list[Message] = []
        for _, lost in self._state.records.rows(LOST_FEED, FeedLost):
            if self._state.halts.get(lost.symbol, "feed") is None:
                begun += self._lost(message, lost)
        return begun

    def watches(self, halt: Halted) -> bool:
        """Whether a feed of the halt's scope is lost; without one, none comes back to end the halt."""
        return self.is_on and any(
            lost.symbol == halt.symbol for _, lost in self._state.records.rows(LOST_FEED, FeedLost)
        )

    def on_feed_lost(self, lost: FeedLost) -> Sequence[Message]:
        self._state.records.put(LOST_FEED, f"{lost.symbol}|{lost.feed}", lost)
        return self._lost(lost, lost)

    def _lost(self, cause: Message, lost: FeedLost) -> Sequence[Message]:
        is_awaited = not lost.last_seen_ns
        what = "is not there yet" if is_awaited else "is lost"
        return self._begin(
            cause,
            NewHalt(
                symbol=lost.symbol,
                trigger="feed",
                reason=f"feed {lost.feed} {what}: {lost.reason}".removesuffix(": "),
                mode="halted",
                evidence="not heard yet" if is_awaited else f"last seen at {lost.last_seen_ns} ns",
                cleared_by="condition",
                awaited=is_awaited,
            ),
        )

    def on_feed_restored(self, restored: FeedRestored) -> Sequence[Message]:
        self._state.records.delete(LOST_FEED, f"{restored.symbol}|{restored.feed}")
        rows = self._state.records.rows(LOST_FEED, FeedLost)
        if any(lost.symbol == restored.symbol for _, lost in rows):
            return ()
        return self._state.halts.end(restored, restored.symbol, "feed", reason=f"feed {restored.feed} is back")

    def on_listing(self, listing: PairListed) -> Sequence[Message]:
        """The feeds of a former name do not come back."""
        if listing.formerly:
            for name, lost in self._state.records.rows(LOST_FEED, FeedLost):
                if lost.symbol == listing.formerly:
                    self._state.records.delete(LOST_FEED, name)
        return ()
