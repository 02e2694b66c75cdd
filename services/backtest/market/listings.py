"""When pairs begin to trade, get another name, and end: what the exchange would have said, out of the bars there are.

A pair is listed from its first bar on. Bars that end before the run does are the end of the pair there: it was
delisted, or the store has no more of it. Exchanges announce that days before, so an operator has sold by then: a
``Flatten`` with the last bar, then the pair is delisted.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from shared.domain.timeframes import MS_NS
from shared.domain.universe import Universe
from shared.messages.base import Message, derived_id
from shared.messages.control import Flatten
from shared.messages.market import PairListed, PairStatus

ENDED = "its bars end in the store"
OPERATOR = "backtest"


class Filters(NamedTuple):
    """What the exchange asks of an order: the tick, the lot, and the least notional."""

    price_step: Decimal
    quantity_step: Decimal
    min_notional: Decimal = Decimal(5)


class Due(NamedTuple):
    """A message that is due at a market time. after_bars: once the bars of that instant have been played."""

    time_ns: int
    after_bars: bool
    message: Message


def listings(
    universe: Universe,
    spans: Mapping[str, tuple[int, int]],
    filters: Mapping[str, Filters],
    *,
    bar_ms: int,
    start_ms: int,
    end_ms: int,
) -> list[Due]:
    """All that happens to the pairs, in order of time. spans: opening times of the first and last bar of each name."""
    due: list[Due] = []
    for pair in universe.pairs:
        names = [name for name in universe.names_of(pair.symbol) if name in spans]  # newest first
        if not names:
            due.append(Due(start_ms * MS_NS, False, _listed(pair.symbol, "unlisted", start_ms, reason="no bars")))
        for newer, name in zip([None, *names], names, strict=False):
            due += _of_name(universe, name, newer, spans, filters, bar_ms, start_ms, end_ms)
    return sorted(due, key=lambda each: (each.time_ns, each.after_bars, each.message.id))


def _of_name(
    universe: Universe,
    name: str,
    newer: str | None,
    spans: Mapping[str, tuple[int, int]],
    filters: Mapping[str, Filters],
    bar_ms: int,
    start_ms: int,
    end_ms: int,
) -> list[Due]:
    """One name of a pair: its begin, and its end if that comes within the run. newer: the name that follows it."""
    first_ms, last_ms = spans[name]
    begin_ms, closed_ms = max(first_ms, start_ms), last_ms + bar_ms
    if closed_ms <= start_ms:
        return []  # history under a former name; the newer one says formerly
    rename, names = universe.rename_of(name), universe.names_of(name)
    formerly = next((former for former in names[names.index(name) + 1 :] if former in spans), "")
    ratio = rename.ratio if rename is not None and formerly else Decimal(1)
    due = [
        Due(begin_ms * MS_NS, False, _listed(name, "trading", begin_ms, filters[name], formerly=formerly, ratio=ratio))
    ]
    if formerly:
        due.append(Due(begin_ms * MS_NS, False, _listed(formerly, "renamed", begin_ms, reason=f"now {name}")))
    if first_ms > start_ms:
        due.append(Due(start_ms * MS_NS, False, _listed(name, "unlisted", start_ms, reason="not listed yet")))
    if newer is not None:
        if spans[newer][0] > closed_ms:
            due.append(
                Due(
                    closed_ms * MS_NS - MS_NS,
                    True,
                    _listed(name, "halted", closed_ms, filters[name], reason="it is being renamed"),
                )
            )
    elif closed_ms < end_ms:
        closes_ns = closed_ms * MS_NS - MS_NS
        command = Flatten(id=derived_id("end", name), time_ns=closes_ns, who=OPERATOR, reason=ENDED, symbol=name)
        due.append(Due(closes_ns, True, command))
        due.append(Due(closed_ms * MS_NS, True, _listed(name, "delisted", closed_ms, reason=ENDED)))
    return due


def _listed(
    symbol: str,
    status: PairStatus,
    time_ms: int,
    filters: Filters | None = None,
    *,
    formerly: str = "",
    ratio: Decimal = Decimal(1),
    reason: str = "",
) -> PairListed:
    steps = filters._asdict() if filters is not None else {}
    return PairListed(
        id=derived_id("pair", symbol, status, time_ms),
        time_ns=time_ms * MS_NS,
        symbol=symbol,
        status=status,
        formerly=formerly,
        ratio=ratio,
        reason=reason,
        **steps,
    )
