"""The pairs that heatsink trades: their sectors, and the names that they had before."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from shared.domain.numbers import ONE
from shared.domain.timeframes import DAY_NS


def exchange_symbol(symbol: str) -> str:
    """``BTC/USDT`` as the exchange and the store of klines write it: ``BTCUSDT``."""
    return symbol.replace("/", "")


class Rename(Struct, frozen=True, kw_only=True):
    """A coin got another name.

    old, new: the names, without the quote.
    cutover: the day on which it happened, at 00:00 UTC.
    ratio: new units for each old one.
    """

    old: str
    new: str
    cutover: date
    ratio: Decimal = ONE

    @property
    def cutover_ns(self) -> int:
        """The moment of the rename, in nanoseconds since 1970."""
        return (self.cutover - date(1970, 1, 1)).days * DAY_NS


class Pair(Struct, frozen=True, kw_only=True):
    """A pair and its one sector. assumed: it was shipped as an assumption, for the operator to confirm."""

    base: str
    quote: str
    sector: str
    assumed: bool = False

    @property
    def symbol(self) -> str:
        """Such as ``BTC/USDT``."""
        return f"{self.base}/{self.quote}"


class Universe(Struct, frozen=True, kw_only=True):
    """All pairs, in the order of the configuration, and the renames that touch them."""

    pairs: tuple[Pair, ...]
    renames: tuple[Rename, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every pair, by its present name."""
        return tuple(pair.symbol for pair in self.pairs)

    def sector_of(self, symbol: str) -> str | None:
        """The sector of a pair by its present or a former name; None when it is not in the universe."""
        for pair in self.pairs:
            if symbol in (pair.symbol, *(self.names_of(pair.symbol))):
                return pair.sector
        return None

    def names_of(self, symbol: str) -> tuple[str, ...]:
        """Every name the pair has or had, newest first."""
        base, _, quote = symbol.partition("/")
        for rename in self.renames:
            if base in (rename.old, rename.new):
                return (f"{rename.new}/{quote}", f"{rename.old}/{quote}")
        return (symbol,)

    def rename_of(self, symbol: str) -> Rename | None:
        """The rename that touches the pair, if any."""
        base = symbol.partition("/")[0]
        return next((rename for rename in self.renames if base in (rename.old, rename.new)), None)

    def has_renamed(self, old: str, new: str, ratio: Decimal) -> bool:
        """Whether a pair of the one name became one of the other, with so many new units for each old one."""
        rename = self.rename_of(new)
        return rename is not None and self.names_of(new) == (new, old) and ratio == rename.ratio


class NamedPair(Struct, frozen=True):
    """One of a pair's names.

    pair: the newest name.
    ratio: units of the newest name for each unit of this one.
    price_ratio: the same as a float.
    """

    pair: str
    ratio: Decimal
    price_ratio: float


class PairNames:
    """Leads from every name of every pair of the universe to the pair's newest name, and the ratio between them.

    State is kept in units of the newest name, so that nothing has to be converted on the day of the rename:
    new quantity = quantity x ratio, new price = price / ratio.
    """

    __slots__ = ("_names",)

    def __init__(self, universe: Universe) -> None:
        self._names: dict[str, NamedPair] = {}
        for symbol in universe.symbols:
            newest, *former = universe.names_of(symbol)
            rename = universe.rename_of(symbol)
            ratio = rename.ratio if rename else ONE
            self._names[newest] = NamedPair(newest, ONE, 1.0)
            for name in former:
                self._names[name] = NamedPair(newest, ratio, float(ratio))

    def get(self, symbol: str) -> NamedPair | None:
        """None for a symbol that is not in the universe."""
        return self._names.get(symbol)

    def named(self, symbol: str) -> NamedPair:
        """A symbol that is not in the universe has no other name."""
        return self._names.get(symbol) or NamedPair(symbol, ONE, 1.0)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The newest name of every pair, in the order of the universe."""
        return tuple(dict.fromkeys(named.pair for named in self._names.values()))
