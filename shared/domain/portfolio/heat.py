"""Live heat: what the portfolio would lose if every stop were hit now, open and reserved, as running totals.

    heat = sum of [quantity x max(0, mark - stop) + cost of getting out] / NAV

The term is Seykota's: Seykota and Druz, "Determining Optimal Risk" (*Technical Analysis of Stocks & Commodities*,
1993); a limit on it for the whole portfolio is Elder's (*Come Into My Trading Room*, 2002: the 6 % rule). Other than
there, heat is taken at live marks and not at entry prices, and the cost of getting out counts.

A position of a pair that has had no price for too long is worth nothing, and all that it was worth last is at risk.

A position without a stop counts whole, and so does one that is still held far under its stop. Totals change by the
difference that one pair makes, so a decision costs the same with 1,000 positions as with 10. Now and then they are
summed afresh, so that float errors cannot pile up.
"""

from collections.abc import Iterator
from decimal import Decimal
from math import inf

from shared.domain.numbers import ZERO

RESUM_EVERY = 4096
THROUGH = 0.01  # a position that is still held with its mark so far below its stop has none: the stop did not work


class PairHeat:
    """One pair's share of the totals. Prices are in USDT per unit, quantities in base units, the rest in USDT.

    symbol, sector: of the pair, by one of its names.
    exit_rate: the cost of getting out, as a fraction of notional.
    others: the same pair under its other names.
    parts: fractions of the position that are clients' own, where these have bounds; by client.
    mark: the price at which it is valued; 0 before the first.
    mark_time_ns: market time of that price.
    quantity: held.
    stop: of the position; None without one.
    stop_hit_ns: market time of the first mark that reached the stop; 0 before that, and when position or stop change.
    notional: quantity x mark.
    price_risk: quantity x max(0, mark - stop), the cost of getting out aside.
    open_risk: the same with that cost.
    unpriced_at: what a unit was worth last, once the pair has had no price for too long; 0 while it has one.
    is_dust: what is held is less than the exchange trades.
    reserved_risk, reserved_notional, reserved_cash: of buys that are approved and not finished.
    reserved_sells: quantity of sells that are approved and not finished.
    """

    __slots__ = (
        "exit_rate", "is_dust", "mark", "mark_time_ns", "notional", "open_risk", "others", "parts", "price_risk",
        "quantity", "reserved_cash", "reserved_notional", "reserved_risk", "reserved_sells", "sector", "stop",
        "stop_hit_ns", "symbol", "unpriced_at",
    )  # fmt: skip

    def __init__(self, symbol: str, sector: str, exit_rate: float) -> None:
        self.symbol = symbol
        self.sector = sector
        self.exit_rate = exit_rate
        self.others: tuple[PairHeat, ...] = ()
        self.parts: dict[str, float] = {}
        self.mark = 0.0
        self.mark_time_ns = 0
        self.quantity = 0.0
        self.unpriced_at = 0.0
        self.is_dust = False
        self.stop: float | None = None
        self.stop_hit_ns = 0
        self.notional = 0.0
        self.price_risk = 0.0
        self.open_risk = 0.0
        self.reserved_risk = 0.0
        self.reserved_notional = 0.0
        self.reserved_cash = 0.0
        self.reserved_sells = ZERO

    @property
    def needs_price(self) -> bool:
        """Whether NAV depends on its price."""
        return self.quantity != 0.0 and not self.unpriced_at and not self.is_dust

    @property
    def exposure(self) -> float:
        """Notional held and on order, in USDT, under this name."""
        return self.notional + self.reserved_notional

    def value(self) -> tuple[float, float, float]:
        """(notional, price risk, open risk) at the present mark."""
        if self.unpriced_at:
            worth = self.quantity * self.unpriced_at
            return 0.0, worth, worth
        notional, stop = self.quantity * self.mark, self.stop
        is_open = stop is None or self.mark < stop * (1.0 - THROUGH)
        price_risk = notional if stop is None or is_open else self.quantity * max(0.0, self.mark - stop)
        return notional, price_risk, price_risk + notional * self.exit_rate


class Heat:
    """Totals over all pairs in USDT, kept by difference.

    pairs: every pair's share, by symbol.
    holdings: notional held.
    open_risk: of what is held.
    reserved_risk, reserved_cash, reserved_notional: of buys that are approved and not finished.
    sectors: notional held and on order, by sector.
    clients: of the open risk, that of clients with bounds.
    unmarked: pairs that are held and have no price, so that NAV is unknown.

    A stop that the market reaches sells, and its fill is heard a moment later. In between the position is still in the
    totals, and may count whole. ``stops_hit`` tells this part of heat from that which the market made.
    """

    def __init__(self) -> None:
        self.pairs: dict[str, PairHeat] = {}
        self.holdings = 0.0
        self.open_risk = 0.0
        self.reserved_risk = 0.0
        self.reserved_cash = 0.0
        self.reserved_notional = 0.0
        self.sectors: dict[str, float] = {}
        self.clients: dict[str, float] = {}
        self.unmarked: set[str] = set()
        self._hit: dict[str, PairHeat] = {}
        self._held: set[str] = set()
        self._reserving: set[str] = set()
        self._changes = 0

    @property
    def risk(self) -> float:
        """Open plus reserved risk, USDT: heat before it is divided by NAV."""
        return self.open_risk + self.reserved_risk

    @property
    def exposure(self) -> float:
        """Notional held and on order, in USDT."""
        return self.holdings + self.reserved_notional

    def pair(self, symbol: str) -> PairHeat | None:
        """A pair's share; None for a pair that is not followed."""
        return self.pairs.get(symbol)

    def add_pair(self, symbol: str, sector: str, exit_rate: float) -> PairHeat:
        """Begin to follow a pair."""
        pair = self.pairs[symbol] = PairHeat(symbol, sector, exit_rate)
        self.sectors.setdefault(sector, 0.0)
        return pair

    def set_mark(self, pair: PairHeat, mark: float, time_ns: int) -> None:
        """A new price for a pair; what is no price (NaN, infinite, not above 0) leaves it without one."""
        pair.mark, pair.mark_time_ns = mark if 0.0 < mark < inf else 0.0, time_ns
        if pair.quantity:
            self._revalue(pair)

    def set_position(self, pair: PairHeat, quantity: Decimal, stop: Decimal | None) -> None:
        """The position in a pair, after a fill or a moved stop."""
        pair.quantity = float(quantity)
        if not pair.quantity:
            pair.unpriced_at, pair.is_dust = 0.0, False
        pair.stop = None if stop is None else float(stop)
        pair.stop_hit_ns = 0
        self._hit.pop(pair.symbol, None)
        (self._held.add if pair.quantity else self._held.discard)(pair.symbol)
        self._revalue(pair)
        if not self._held:
            self.holdings = self.open_risk = 0.0
            self._clear_sectors()

    def set_unpriced(self, pair: PairHeat, price: float) -> None:
        """A pair has had no price for too long, and this was the last; with 0, it has one again."""
        pair.unpriced_at = price
        self._revalue(pair)

    def set_dust(self, pair: PairHeat, *, is_dust: bool) -> None:
        """Whether what is held of a pair is less than the exchange trades."""
        if pair.is_dust is not is_dust:
            pair.is_dust = is_dust
            self._revalue(pair)

    def set_exit_rate(self, pair: PairHeat, exit_rate: float) -> None:
        """A new estimate of what getting out of a pair costs."""
        pair.exit_rate = exit_rate
        if pair.quantity:
            self._revalue(pair)

    def set_parts(self, pair: PairHeat, parts: dict[str, float]) -> None:
        """Whose the position is, by client and as fractions of it."""
        if parts == pair.parts:
            return
        before, pair.parts = pair.parts, parts
        for client, part in before.items():
            self.clients[client] -= part * pair.open_risk
        for client, part in parts.items():
            self.clients[client] = self.clients.get(client, 0.0) + part * pair.open_risk
        for client in before.keys() - parts.keys():
            if not any(client in other.parts for other in self.pairs.values()):
                del self.clients[client]  # exactly nothing, not what sums of floats leave of it

    def _revalue(self, pair: PairHeat) -> None:
        notional, price_risk, open_risk = pair.value()
        for client, part in pair.parts.items():
            self.clients[client] += part * (open_risk - pair.open_risk)
        self.holdings += notional - pair.notional
        self.open_risk += open_risk - pair.open_risk
        self.sectors[pair.sector] += notional - pair.notional
        pair.notional, pair.price_risk, pair.open_risk = notional, price_risk, open_risk
        if pair.stop is not None and 0.0 < pair.mark <= pair.stop and pair.quantity and not pair.stop_hit_ns:
            pair.stop_hit_ns = pair.mark_time_ns
            self._hit[pair.symbol] = pair
        if not pair.mark and pair.needs_price:
            self.unmarked.add(pair.symbol)
        else:
            self.unmarked.discard(pair.symbol)
        self._changes += 1
        if self._changes >= RESUM_EVERY:
            self.resum()

    def stops_hit(self, now_ns: int, within_ns: float) -> dict[str, float]:
        """Open risk, USDT, of positions that are still held and whose stop was reached so near to now; by symbol.

        One that was reached at a time to come, by a clock that is wrong, was not reached just now.
        """
        hit = self._hit.items()
        return {symbol: pair.open_risk for symbol, pair in hit if abs(now_ns - pair.stop_hit_ns) <= within_ns}

    def reserve(self, pair: PairHeat, risk: float, notional: float, cash: float) -> None:
        """Set aside what an approved order may come to use; with negative amounts, give it back."""
        self._reserving.add(pair.symbol)
        pair.reserved_risk += risk
        pair.reserved_notional += notional
        pair.reserved_cash += cash
        self.reserved_risk += risk
        self.reserved_cash += cash
        self.reserved_notional += notional
        self.sectors[pair.sector] += notional
        self._changes += 1
        if self._changes >= RESUM_EVERY:
            self.resum()

    def clear_reserved(self, pair: PairHeat) -> None:
        """No buy of the pair is open any more: what float errors left over is cleared."""
        self.reserve(pair, -pair.reserved_risk, -pair.reserved_notional, -pair.reserved_cash)
        pair.reserved_risk = pair.reserved_notional = pair.reserved_cash = 0.0
        self._reserving.discard(pair.symbol)
        if not self._reserving:
            self.reserved_risk = self.reserved_cash = self.reserved_notional = 0.0
            self._clear_sectors()

    def _clear_sectors(self) -> None:
        """Nothing is held and nothing on order: exactly nothing, not what sums of floats leave of it."""
        if not self._held and not self._reserving:
            self.sectors = dict.fromkeys(self.sectors, 0.0)

    def resum(self) -> None:
        """Sum all totals afresh."""
        self._changes = 0
        self.holdings = sum(pair.notional for pair in self.pairs.values())
        self.open_risk = sum(pair.open_risk for pair in self.pairs.values())
        self.reserved_risk = sum(pair.reserved_risk for pair in self.pairs.values())
        self.reserved_cash = sum(pair.reserved_cash for pair in self.pairs.values())
        self.reserved_notional = sum(pair.reserved_notional for pair in self.pairs.values())
        self.sectors, self.clients = dict.fromkeys(self.sectors, 0.0), dict.fromkeys(self.clients, 0.0)
        for pair in self.pairs.values():
            self.sectors[pair.sector] += pair.exposure
            for client, part in pair.parts.items():
                self.clients[client] += part * pair.open_risk

    def positions(self) -> Iterator[PairHeat]:
        """The pairs that are held."""
        return (pair for pair in self.pairs.values() if pair.quantity)
