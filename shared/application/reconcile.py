"""Compares the books of a stack with the account at the exchange. It only reads, on both sides."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from shared.adapters.binance.account import open_account
from shared.application.errors import UserError
from shared.application.reconciliation import Books, Reconciliation, compare
from shared.application.stack import StackLocator
from shared.application.trade_comparison import compare_trades
from shared.config.account_key import AccountKey, account_key_of
from shared.domain.portfolio.ledger import ACCOUNT, POSITION, Account, Position
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.domain.timeframes import HOUR_MS, MS_NS
from shared.messages.catalogue import EXECUTED, PAIRS
from shared.messages.market import PairListed
from shared.messages.orders import OrderFilled, OrderPlaced
from shared.ports.account import MOST_TRADES, AccountOrder, AccountTrade, Balance, KeyRights
from shared.ports.account import Account as ExchangeAccount
from shared.ports.bus import Bus
from shared.ports.exchange import ExchangeError

TRIES = 3  # until nothing was booked while the exchange was asked
EXECUTED_READ, LISTINGS_READ = 10_000, 2_000
HOURS = 24.0  # of market time, for which trades are compared


class AccountUnreadError(UserError):
    """The account could not be read, or must not be with this key."""


class NoBooksError(UserError):
    """The risk service has not stored anything yet, or goes on booking."""


class Look(Struct, frozen=True, kw_only=True):
    """What a comparison showed.

    orders: where orders go, as the configuration has it.
    rights: what the key may.
    trades_since_ms: time of the exchange since which trades were compared; 0 where they were not.
    """

    result: Reconciliation
    orders: str
    rights: KeyRights
    trades_since_ms: int = 0


class Seen(Struct, frozen=True, kw_only=True):
    """Both sides, as of one moment. trades: of each pair that was asked for. now_ms: of the exchange's clock."""

    books: Books
    balances: Sequence[Balance]
    orders: Sequence[AccountOrder]
    trades: Mapping[str, Sequence[AccountTrade]]
    now_ms: int


async def reconcile(stack: StackLocator, hours: float = HOURS) -> Look:
    """Books and account as of one moment. Raises ``ConfigError``, ``AccountUnreadError``, ``NoBooksError``.

    hours: of market time, for which trades are compared, where they are those of the account: not on paper.
    """
    key = account_key_of(stack.settings.exchange)
    account = open_account(_url(stack), key.key, key.secret)
    try:
        rights = await _checked_rights(account)
        async with stack.bus() as bus:
            seen = await _of_one_moment(stack, bus, account)
    except ExchangeError as error:
        raise AccountUnreadError(f"The account cannot be read: {_hidden(key, str(error))}") from None
    finally:
        await account.close()
    result = compare(seen.books, seen.balances, seen.orders, stack.settings.universe)
    since_ms = _since_ms(seen, hours) if seen.now_ms else 0
    if since_ms:
        trades = compare_trades(seen.books.fills, seen.trades, since_ms)
        agreed = tuple(symbol for symbol in result.agreed if all(each.symbol != symbol for each in trades))
        result = replace(result, differences=(*result.differences, *trades), agreed=agreed)
    return Look(result=result, orders=stack.settings.exchange.orders, rights=rights, trades_since_ms=since_ms)


def _since_ms(seen: Seen, hours: float) -> int:
    """From when on both sides have all trades."""
    whole = [trades[0].time_ms for trades in seen.trades.values() if len(trades) >= MOST_TRADES]
    return max(seen.now_ms - int(hours * HOUR_MS), seen.books.fills_since_ns // MS_NS, *whole)


async def _checked_rights(account: ExchangeAccount) -> KeyRights:
    """A key that could move money out of the account is not used at all."""
    rights = await account.rights()
    if rights.moves:
        may = f"The key may move money out of the account ({', '.join(rights.moves)})"
        raise AccountUnreadError(f"{may}: it is not used. Make one that may only read (enableReading).")
    return rights


async def _of_one_moment(stack: StackLocator, bus: Bus, account: ExchangeAccount) -> Seen:
    """Books that were the same before and after the exchange was asked."""
    books, is_paper = await _books(stack, bus), stack.settings.exchange.orders == "paper"
    for _ in range(TRIES):
        balances, orders = list(await account.balances()), list(await account.open_orders())
        pairs = [] if is_paper else _pairs_with_trades(stack, books, balances)
        told = {symbol: await account.trades(symbol) for symbol in pairs}
        trades = {symbol: each for symbol, each in told.items() if each is not None}
        now_ms = 0 if is_paper else await account.time_ms()
        after = await _books(stack, bus)
        if after == books:
            return Seen(books=books, balances=balances, orders=orders, trades=trades, now_ms=now_ms)
        books = after
    raise NoBooksError(f"Something was booked each of {TRIES} times while the account was read; try again.")


def _pairs_with_trades(stack: StackLocator, books: Books, balances: Sequence[Balance]) -> list[str]:
    """What is held or on order on either side, or was traded."""
    universe, held = stack.settings.universe, {balance.asset for balance in balances}
    of_account = [symbol for symbol in universe.symbols if symbol.partition("/")[0] in held]
    of_books = [*books.positions, *(order.symbol for order in books.orders.values())]
    return list(dict.fromkeys([*of_account, *of_books, *(fill.symbol for fill in books.fills)]))


async def _books(stack: StackLocator, bus: Bus) -> Books:
    accounts = await stack.risk_records(bus, ACCOUNT, Account)
    if not accounts:
        raise NoBooksError("The risk service has stored no books yet. Does it run? See heatsink status.")
    executed = await bus.latest(bus.keys.of(EXECUTED), EXECUTED_READ)
    listed = await bus.latest(bus.keys.of(PAIRS), LISTINGS_READ)
    return Books(
        cash=next(iter(accounts.values())).cash,
        positions=await stack.risk_records(bus, POSITION, Position),
        orders=await stack.risk_records(bus, ORDER, OpenOrder),
        lots={each.symbol: each.quantity_step for each in reversed(listed) if isinstance(each, PairListed)},
        fills=tuple(each for each in reversed(executed) if isinstance(each, OrderFilled)),
        fills_since_ns=executed[-1].time_ns if len(executed) >= EXECUTED_READ else 0,
        venue_ids={each.order_id: each.venue_order_id for each in executed if isinstance(each, OrderPlaced)},
    )


def _url(stack: StackLocator) -> str:
    return "" if stack.exchange == "binance" else stack.exchange_url


def _hidden(key: AccountKey, text: str) -> str:
    """The adapter hides both already; a second look costs nothing."""
    return text.replace(key.secret, "***").replace(key.key, "***")
