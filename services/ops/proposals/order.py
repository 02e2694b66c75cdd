"""From what a sender wrote to the order that is proposed.

What makes no sense by itself is refused here, before anything is proposed, so that the key stays free. Whether the
order may be placed is the gate's matter alone.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from decimal import Decimal

from msgspec import structs

from services.ops.proposals.answers import RequestRefusedError
from services.ops.proposals.body import AMOUNTS, Body, refuse
from services.ops.proposals.market import MarketOfTheMoment
from shared.application.pairs import UnknownPairError, symbol_of
from shared.application.proposing import Asked
from shared.config.model import Settings
from shared.domain.numbers import ONE, ZERO, product, quotient, round_down
from shared.messages.base import derived_id
from shared.messages.market import PairListed
from shared.messages.orders import OrderProposed, Side
from shared.ports.clock import Clock, market_ns

EXCHANGE = "BINANCE:"  # before the name of a pair, as TradingView has it
FULL = "full"
HUNDRED, LEAST_STEP = Decimal(100), Decimal("1e-8")
# A purchase at the market is for now: one that the gate comes to later is not approved any more.
GOOD_FOR_SECONDS = Decimal(60)
MOST_SECONDS = Decimal(86_400 * 365)
LONGEST_NAME = 64
SIZES = ("quantity", "usdt", "size")
# What a strategy of TradingView says of the position that it wants to end up with, beside plain words.
OPENING, CLOSING = ("open", "long"), ("close", "flat")


@dataclass(frozen=True, slots=True)
class Orders:
    """Makes orders."""

    settings: Settings
    clock: Clock
    market: MarketOfTheMoment

    def written(self, body: Body, client: str, key: str) -> Asked:
        """The order as far as its sender wrote it: what is left to the moment is not in it yet.

        Raises ``RequestRefusedError``.
        """
        symbol, side = self._symbol(body), side_of(body)
        _check_intent(body, side)
        _check_amounts(body, side)
        strategy = body.text("strategy") or client
        if len(strategy) > LONGEST_NAME:
            refuse("strategy", strategy, f"longer than {LONGEST_NAME} signs", "Write a shorter name.")
        limit, order_id = body.amount("limit_price"), id_of(client, key)
        order = OrderProposed(
            id=order_id,
            time_ns=self.clock.now_ns(),
            trace=_trace(order_id, body, symbol, side, strategy),
            symbol=symbol,
            side=side,
            quantity=body.amount("quantity") or ZERO,
            order_type="market" if limit is None else "limit",
            limit_price=limit,
            stop_price=body.amount("stop_price") if side == "buy" else None,
            strategy=strategy,
            expires_ns=self._expiry(body, side, limit),
        )
        return Asked(order, client, _of_the_moment(body, side))

    async def completed(self, asked: Asked, body: Body) -> Asked:
        """With the quantity and the stop that follow from the market now. Raises ``RequestRefusedError``."""
        order = asked.order
        if "quantity" in asked.of_the_moment:
            order = structs.replace(order, quantity=await self._quantity(body, order))
        if "stop_price" in asked.of_the_moment:
            order = structs.replace(order, stop_price=await self._stop(body, order))
        return replace(asked, order=order)

    def _symbol(self, body: Body) -> str:
        """``BINANCE:BTCUSDT``, ``BTCUSDT``, ``btc-usdt`` and ``BTC/USDT`` are one pair."""
        given = body.text("symbol")
        if not given:
            raise missing("symbol", "Write the pair, such as BTC/USDT; in TradingView {{ticker}}.")
        name = given.upper()
        if ":" in name and not name.startswith(EXCHANGE):
            refuse("symbol", given, "the chart of another exchange", "Use a chart of Binance, or write the pair alone.")
        name = name.removeprefix(EXCHANGE)
        if name.endswith((".P", "PERP")):
            remedy = (
                f"heatsink trades spot: write {name.removesuffix('.P').removesuffix('PERP')}, and look at its prices."
            )
            refuse("symbol", given, "a perpetual future", remedy)
        try:
            return symbol_of(self.settings, name)
        except UnknownPairError as error:
            refuse(
                "symbol", given, str(error).partition(". ")[0], str(error).partition(". ")[2] or "Write another pair."
            )

    async def _quantity(self, body: Body, order: OrderProposed) -> Decimal:
        symbol = order.symbol
        if (usdt := body.amount("usdt")) is not None:
            price = order.limit_price or await self.market.price(symbol)
            return await self._whole_lots(symbol, quotient(usdt, price), "usdt", usdt)
        part = part_of(body)
        if order.side == "sell":
            whole = await self.market.held(symbol)
            if whole <= 0:
                refuse("size", body.text("size"), f"nothing is held of {symbol}", "There is nothing to sell.")
        else:
            whole = (await self.market.full_size(symbol)).quantity
        return whole if part == 1 else await self._whole_lots(symbol, product(whole, part), "size", part)

    async def _whole_lots(self, symbol: str, quantity: Decimal, field: str, given: Decimal) -> Decimal:
        listed = await self.market.listing(symbol)
        whole = round_down(quantity, listed.quantity_step or LEAST_STEP)
        if whole <= 0:
            refuse(field, f"{given:f}", f"less than one lot of {symbol}", f"Write more: a lot is {_lot(listed)}.")
        return whole

    async def _stop(self, body: Body, order: OrderProposed) -> Decimal:
        """So far below the price; of a size by the plan, where the plan has it."""
        percent = body.amount("stop_percent")
        if percent is None:
            return Decimal(repr((await self.market.full_size(order.symbol)).stop_price))
        entry = order.limit_price or await self.market.price(order.symbol)
        listed = await self.market.listing(order.symbol)
        return round_down(product(entry, ONE - percent / HUNDRED), listed.price_step or LEAST_STEP)

    def _expiry(self, body: Body, side: Side, limit: Decimal | None) -> int:
        seconds = body.amount("expires_seconds")
        if seconds is None:
            if side == "sell" or limit is not None:
                return 0
            seconds = GOOD_FOR_SECONDS
        if seconds > MOST_SECONDS:
            refuse("expires_seconds", f"{seconds:f}", "longer than a year", "Write fewer, or leave it out.")
        return self.clock.now_ns() + market_ns(self.clock, float(seconds))


def id_of(client: str, key: str) -> str:
    """The order's id: another one for each client, whatever keys they choose."""
    return derived_id("http", client, key)


def side_of(body: Body) -> Side:
    """Raises ``RequestRefusedError``."""
    given = body.text("side")
    if not given:
        raise missing("side", "Write buy or sell; in TradingView {{strategy.order.action}}.")
    if given.lower() not in ("buy", "sell"):
        remedy = "Write buy or sell; in TradingView {{strategy.order.action}}."
        refuse("side", given, "neither buy nor sell", remedy)
    return "buy" if given.lower() == "buy" else "sell"


def missing(field: str, remedy: str) -> RequestRefusedError:
    return RequestRefusedError(422, "missing", f"{field} is missing", remedy, field=field)


def _check_intent(body: Body, side: Side) -> None:
    """Nothing is sold that is not held, so a buy that closes a short would open a position that nobody wants."""
    given = body.text("intent")
    intent = given.lower()
    if intent and intent not in (*OPENING, *CLOSING, "short"):
        refuse("intent", given, "no intent", "Write open or close; in TradingView {{strategy.market_position}}.")
    if side == "buy" and intent in (*CLOSING, "short"):
        reason = "a buy that closes a short, and heatsink never goes short"
        refuse("intent", given, reason, "Send no alerts of the short side.")
    if side == "sell" and intent == "open":
        refuse("intent", given, "a sell that opens a short, and heatsink never goes short", "Write close, to sell.")


def _check_amounts(body: Body, side: Side) -> None:
    """How much is said once, and so is the stop of a buy."""
    remedy = 'Write one of quantity (units), usdt (an amount), or size ("full", or a part such as 0.5).'
    given = [name for name in SIZES if body.text(name)]
    if not given:
        raise missing("quantity", remedy)
    if len(given) > 1:
        refuse(given[1], body.text(given[1]), f"there is {given[0]} as well", remedy)
    for name in ("quantity", "usdt"):
        body.amount(name)
    if body.text("size"):
        part_of(body)
    price, percent = body.amount("stop_price"), body.amount("stop_percent")
    if price is not None and percent is not None:
        refuse("stop_percent", f"{percent:f}", "there is stop_price as well", "Write one of the two.")
    if percent is not None and percent >= HUNDRED:
        refuse("stop_percent", f"{percent:f}", "it must be below 100", "Write how far below the price, such as 3.")
    if side == "buy" and price is None and percent is None and not body.text("size"):
        raise missing("stop_price", "A buy needs a stop: write stop_price, or stop_percent (below the price).")


def part_of(body: Body) -> Decimal:
    """The part of a full size, or of what is held: 1 for all of it. Raises ``RequestRefusedError``."""
    given = body.text("size")
    if given.lower() == FULL:
        return ONE
    part = body.amount("size") or ZERO
    if part > 1:
        refuse("size", given, "more than all of it", 'Write "full", or a part such as 0.5.')
    return part


def _of_the_moment(body: Body, side: Side) -> frozenset[str]:
    """Of a sell no stop is looked at: one alert of TradingView may stand for both sides."""
    left = {"quantity"} if not body.text("quantity") else set()
    return frozenset(left | ({"stop_price"} if side == "buy" and not body.text("stop_price") else set()))


def _trace(order_id: str, body: Body, *meant: str) -> str:
    """What the sender wrote, in short: it stands in the decision, and tells a repeat from another order."""
    amounts = [_plain(body.amount(name)) for name in AMOUNTS]
    size = body.text("size") and _plain(part_of(body))
    text = json.dumps([order_id, *meant, body.text("intent").lower(), size, *amounts])
    return f"http-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _plain(amount: Decimal | None) -> str:
    """0.5 and 0.50 are one amount."""
    return "" if amount is None else f"{amount.normalize():f}"


def _lot(listed: PairListed) -> str:
    return f"{listed.quantity_step or LEAST_STEP:f}"
