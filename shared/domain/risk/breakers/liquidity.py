"""Liquidity: a pair that can no longer be got out of cheaply only reduces, until it can."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct, structs

from shared.domain.risk.breakers.base import Breaker, exceeds
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed, BookSampled, PairListed

ILLIQUID = "illiquid"


class Illiquid(Struct, frozen=True, kw_only=True):
    """What is wrong with a pair, in words.

    thin: its volume; empty where that is enough.
    wide: its spread; empty where that is narrow enough.
    """

    thin: str = ""
    wide: str = ""


class Liquidity(Breaker):
    """Judges the volume once a day, and the spread by a run of samples, for the worse and for the better."""

    name = "liquidity"
    records: ClassVar[dict[str, type[Struct]]] = {ILLIQUID: Illiquid}

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        super().__init__(state, halt_actions)
        self._runs: dict[str, int] = {}  # samples in a row that are over (above 0) or within (below 0) the criterion

    def on_day(self, bar: BarClosed) -> Sequence[Message]:
        history = self._state.daily.get(bar.symbol)
        if history is None or history.adv_usdt is None or not self.is_current(bar):
            return ()
        thin = ""
        if exceeds(self.plan.min_adv_usdt, history.adv_usdt):
            thin = f"ADV {history.adv_usdt:,.0f} USDT, criterion {self.plan.min_adv_usdt:,.0f} USDT"
        return self._change(bar, bar.symbol, thin=thin)

    def on_book(self, book: BookSampled) -> Sequence[Message]:
        limits = self._state.limits
        if not limits.book_age_seconds:
            return ()
        run = self._runs.get(book.symbol, 0)
        is_wide = book.spread is None or exceeds(book.spread, limits.spread_median)
        run = max(run, 0) + 1 if is_wide else min(run, 0) - 1
        self._runs[book.symbol] = run
        if abs(run) != self.plan.spread_samples:
            return ()
        spread = "too thin to tell" if book.spread is None else f"{book.spread:.2%}"
        criterion = f"criterion {limits.spread_median:.2%} at {book.size_usdt:,.0f} USDT"
        wide = f"spread {spread} and over it {run} samples on end, {criterion}" if is_wide else ""
        return self._change(book, book.symbol, wide=wide)

    def on_listing(self, listing: PairListed) -> Sequence[Message]:
        """A pair is judged afresh under its new name."""
        if listing.formerly:
            self._state.records.delete(ILLIQUID, listing.formerly)
        return ()

    def watches(self, halt: Halted) -> bool:
        """Whether the fault is still measured. Spreads are not, while the rules that need a book are switched off."""
        known = self._state.records.get(ILLIQUID, halt.symbol, Illiquid)
        sees_books = self._state.limits.book_age_seconds > 0.0
        return self.is_on and known is not None and bool(known.thin or sees_books)

    def on_resumed(self, resumed: Resumed) -> None:
        """An operator ended the halt. A spread that is not measured any more does not count as wide from here."""
        known = self._state.records.get(ILLIQUID, resumed.symbol, Illiquid)
        if resumed.trigger == "liquidity" and known is not None and not self._state.limits.book_age_seconds:
            self._keep(resumed.symbol, structs.replace(known, wide=""))

    def _keep(self, symbol: str, faults: Illiquid) -> None:
        if faults.thin or faults.wide:
            self._state.records.put(ILLIQUID, symbol, faults)
        else:
            self._state.records.delete(ILLIQUID, symbol)

    def _change(self, cause: Message, symbol: str, **faults: str) -> Sequence[Message]:
        """Halt at the first fault, resume when the last one is gone."""
        before = self._state.records.get(ILLIQUID, symbol, Illiquid) or Illiquid()
        after = structs.replace(before, **faults)
        if after != before:
            self._keep(symbol, after)
        if not after.thin and not after.wide:
            return self._state.halts.end(cause, symbol, "liquidity", reason="it is liquid again")
        return self._begin(
            cause,
            NewHalt(
                symbol=symbol,
                trigger="liquidity",
                reason="too little volume" if after.thin else "the spread is too wide",
                evidence="; ".join(filter(None, (after.thin, after.wide))),
                cleared_by="condition",
            ),
        )
