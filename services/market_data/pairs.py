"""What the exchange lists of the universe: at the start and ever after, because pairs stop, vanish and are renamed.

A pair goes by the name under which it trades now: of the names it ever had, the newest that is listed and trading. A
pair that is not to be had is switched off with one clear line, and the rest runs.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal

from msgspec.structs import replace

from services.market_data.context import MarketDataContext
from services.market_data.feeds import LISTING
from services.market_data.overheard import Overheard
from shared.domain.universe import Pair, Universe
from shared.messages.base import derived_id
from shared.messages.catalogue import PAIRS
from shared.messages.market import PairListed, PairStatus
from shared.ports.exchange import ListedPair

# What the exchange states of a pair's orders: the fields that the port's struct and the message share.
FILTERS = [name for name in ListedPair.__struct_fields__ if name not in ("symbol", "status", "venue_status")]


def resolve(
    universe: Universe,
    listed: Mapping[str, ListedPair],
    known: Mapping[str, PairListed],
    time_ns: int,
    odd: Collection[str] = (),
) -> list[PairListed]:
    """One message for each name that matters now. ``known``: what was said before, by symbol.

    odd: names whose rows cannot be. What was said of such a pair before stays in force.
    """
    readable = [pair for pair in universe.pairs if not any(name in odd for name in universe.names_of(pair.symbol))]
    found = (message for pair in readable for message in _resolve_pair(universe, pair, listed, known, time_ns))
    return list({message.symbol: message for message in found}.values())


def _resolve_pair(
    universe: Universe,
    pair: Pair,
    listed: Mapping[str, ListedPair],
    known: Mapping[str, PairListed],
    time_ns: int,
) -> list[PairListed]:
    names = universe.names_of(pair.symbol)
    present = [name for name in names if name in listed]
    symbol = next((name for name in present if listed[name].status == "trading"), next(iter(present), ""))
    if not symbol:
        last = next((name for name in names if name in known and known[name].status != "renamed"), pair.symbol)
        return [_missing(last, known.get(last), time_ns)]
    messages = [_listed(universe, listed[symbol], names, time_ns)]
    formers = names[names.index(symbol) + 1 :]
    return messages + [_message(former, "renamed", time_ns, reason=f"now {symbol}") for former in formers]


def _listed(universe: Universe, pair: ListedPair, names: tuple[str, ...], time_ns: int) -> PairListed:
    rename = universe.rename_of(pair.symbol)
    is_new = rename is not None and pair.symbol == names[0]
    halted = pair.status != "trading"
    return PairListed(
        id=derived_id("pair", pair.symbol, pair.status, time_ns),
        time_ns=time_ns,
        symbol=pair.symbol,
        status="halted" if halted else "trading",
        formerly=names[1] if is_new else "",
        ratio=rename.ratio if rename is not None and is_new else Decimal(1),
        reason=f"the exchange says {pair.venue_status}" if halted else "",
        **{name: getattr(pair, name) for name in FILTERS},
    )


def _missing(symbol: str, before: PairListed | None, time_ns: int) -> PairListed:
    """Gone, if it was there before in this run; else it never was."""
    if before is not None and before.status in ("trading", "halted", "delisted"):
        return _message(symbol, "delisted", time_ns, reason="no longer listed on the exchange")
    return _message(symbol, "unlisted", time_ns, reason="not listed on the exchange")


def _message(symbol: str, status: PairStatus, time_ns: int, *, reason: str) -> PairListed:
    message_id = derived_id("pair", symbol, status, time_ns)
    return PairListed(id=message_id, time_ns=time_ns, symbol=symbol, status=status, reason=reason)


class Pairs:
    """The present state of every name, published when it changes."""

    def __init__(self, context: MarketDataContext) -> None:
        self._context = context
        self._stream = Overheard(context.bus, PAIRS.key)
        self.known: dict[str, PairListed] = {}

    async def refresh(self) -> list[str]:
        """Ask the exchange, publish what changed; returns pairs that are to be followed from now on.

        Raises the port's errors: what was known then stays in force.
        """
        context = self._context
        names = [name for symbol in context.universe.symbols for name in context.universe.names_of(symbol)]
        listed, odd = await context.exchange.pairs(names)
        for symbol, reason in odd.items():
            context.odd.note(LISTING, symbol, reason)
        for _, symbol in context.odd.of(LISTING):
            if symbol not in odd:
                context.odd.good(LISTING, symbol)
        now = resolve(context.universe, listed, self.known, context.clock.now_ns(), odd)
        disputed = await self._disputed()
        changed = [
            message
            for message in now
            if message.symbol in disputed or not _same(message, self.known.get(message.symbol))
        ]
        await self._stream.publish(changed)
        opened = [message.symbol for message in changed if self._take(message)]
        if not self.known or changed:
            self._count(now)
        if unlisted := [message.symbol for message in changed if message.status == "unlisted"]:
            context.log.warning("pairs_unlisted", count=len(unlisted), pairs=", ".join(unlisted))
        self.known.update((message.symbol, message) for message in changed)
        return opened

    async def _disputed(self) -> set[str]:
        """The pairs of which somebody else said something: what we said of them is said again."""
        foreign = {message.symbol for message in await self._stream.foreign() if isinstance(message, PairListed)}
        if foreign:
            reason = "somebody else writes on hs:pairs"
            self._context.log.warning("pairs_disputed", pairs=", ".join(sorted(foreign))[:500], reason=reason)
        return foreign

    def _take(self, message: PairListed) -> bool:
        """Switch the pair on or off; says whether it is to be followed from now on."""
        context, before = self._context, self.known.get(message.symbol)
        is_there = message.status in ("trading", "halted")
        (context.tracks.off.discard if is_there else context.tracks.off.add)(message.symbol)
        (context.tracks.halted.add if message.status == "halted" else context.tracks.halted.discard)(message.symbol)
        self._log_change(message, before)
        for track in context.tracks.of(message.symbol) if is_there else ():
            track.try_again_soon()
        return is_there and (before is None or before.status not in ("trading", "halted"))

    def _log_change(self, message: PairListed, before: PairListed | None) -> None:
        if before is not None and before.status == message.status:
            return
        if message.status == "trading":
            if before is not None:
                self._context.log.info("pair_on", symbol=message.symbol)
        elif message.status == "renamed":
            self._context.log.info("pair_renamed", symbol=message.symbol, reason=message.reason)
        elif message.status == "unlisted":
            return  # told of all of them together
        else:
            self._context.log.warning("pair_off", symbol=message.symbol, status=message.status, reason=message.reason)

    def _count(self, now: list[PairListed]) -> None:
        wanted = [message for message in now if message.status != "renamed"]
        trading = sum(message.status == "trading" for message in wanted)
        self._context.log.info("pairs_listed", trading=trading, off=len(wanted) - trading)


def _same(message: PairListed, before: PairListed | None) -> bool:
    """Whether it says what was said before, at another time."""
    return before is not None and replace(message, id=before.id, time_ns=before.time_ns) == before
