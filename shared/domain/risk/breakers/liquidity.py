"""Liquidity: a pair that can no longer be got out of cheaply only reduces, until it can.

Volume is two things. The criterion (``min_adv_usdt``) is for choosing pairs, by what the whole market trades; operators
are warned once of a pair that trades less than it here. The floor (``adv_floor_usdt``) is for halting: under it nobody
gets out.
"""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct, structs

from shared.domain.risk.breakers.base import Breaker, exceeds
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message, derived_id, truncate
from shared.messages.halts import Alerted, Halted, Resumed
from shared.messages.market import BarClosed, BookSampled, PairListed

ILLIQUID = "illiquid"


class Illiquid(Struct, frozen=True, kw_only=True):
    """What is wrong with a pair, in words.

    thin: its volume; empty where that is enough.
    wide: its spread; empty where that is narrow enough.
    warned: whether operators were warned that its volume is under the criterion.
    """

    thin: str = ""
    wide: str = ""
    warned: bool = False


class Liquidity(Breaker):
    """Judges the volume once a day, and the spread by a run of samples, for the worse and for the better."""

    name = "liquidity"
    records: ClassVar[dict[str, type[Struct]]] = {ILLIQUID: Illiquid}

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        super().__init__(state, halt_actions)
        self._unwarned: dict[str, float] = {}  # ADV of pairs that are under the criterion, of which nobody was warned
        self._runs: dict[str, int] = {}  # samples in a row that are over (above 0) or within (below 0) the criterion

    def on_day(self, bar: BarClosed) -> Sequence[Message]:
        history = self._state.daily.get(bar.symbol)
        adv = None if history is None else history.latest.adv_usdt
        if adv is None or not self.is_current(bar):
            return ()
        known = self._known(bar.symbol)
        self._compare_with_criterion(bar.symbol, adv, known)
        return self._change(bar, bar.symbol, thin=self._thin(adv, known))

    def _thin(self, adv: float, known: Illiquid) -> str:
        """What is wrong with the volume. A pair that was under the floor has to rise well above it again."""
        floor = min(self.plan.adv_floor_usdt, self.plan.min_adv_usdt)
        least = floor * self.plan.adv_clear if known.thin else floor
        if not exceeds(least, adv):
            return ""
        ends = f", ends at {least:,.0f} USDT" if known.thin else ""
        return f"ADV {adv:,.0f} USDT, floor {floor:,.0f} USDT{ends}"

    # --- the criterion --------------------------------------------------------------------------------------------

    def _compare_with_criterion(self, symbol: str, adv: float, known: Illiquid) -> None:
        criterion = self.plan.min_adv_usdt
        self._unwarned.pop(symbol, None)
        if exceeds(criterion, adv) and not known.warned:
            self._unwarned[symbol] = adv
        elif known.warned and adv >= criterion * self.plan.adv_clear:
            self._keep(symbol, structs.replace(known, warned=False))

    def on_time(self, message: Message) -> Sequence[Message]:
        """One warning for all pairs that came under the criterion with the day's bars."""
        if not self._unwarned or not self.is_on:
            return ()
        unwarned = sorted(self._unwarned.items(), key=lambda each: (each[1], each[0]))
        self._unwarned.clear()
        for symbol, _ in unwarned:
            self._keep(symbol, structs.replace(self._known(symbol), warned=True))
        what = f"{unwarned[0][0]} trades" if len(unwarned) == 1 else f"{len(unwarned)} pairs trade"
        alert = Alerted(
            id=derived_id("alerted", message.id, "liquidity", message.time_ns),
            cause=message.id,
            trace=message.trace_id,
            time_ns=message.time_ns,
            trigger="liquidity",
            symbol=unwarned[0][0] if len(unwarned) == 1 else "",
            reason=f"{what} less here than the criterion of {self.plan.min_adv_usdt:,.0f} USDT a day",
            evidence=truncate(", ".join(f"{symbol} {adv:,.0f}" for symbol, adv in unwarned)),
        )
        return (alert,)

    # --- the spread -----------------------------------------------------------------------------------------------

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
            self._unwarned.pop(listing.formerly, None)
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

    def _known(self, symbol: str) -> Illiquid:
        return self._state.records.get(ILLIQUID, symbol, Illiquid) or Illiquid()

    def _keep(self, symbol: str, faults: Illiquid) -> None:
        if faults != Illiquid():
            self._state.records.put(ILLIQUID, symbol, faults)
        else:
            self._state.records.delete(ILLIQUID, symbol)

    def _change(self, cause: Message, symbol: str, **faults: str) -> Sequence[Message]:
        """Halt at the first fault, resume when the last one is gone."""
        before = self._known(symbol)
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
