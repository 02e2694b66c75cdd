"""Compares the books of a stack with the account at the exchange. It only reads, on both sides."""

from msgspec import Struct

from shared.adapters.binance.account import open_account
from shared.application.errors import UserError
from shared.application.reconciliation import Books, Reconciliation, compare
from shared.application.stack import StackLocator
from shared.config.account_key import AccountKey, account_key_of
from shared.domain.portfolio.ledger import ACCOUNT, POSITION, Account, Position
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.messages.catalogue import EXECUTED, PAIRS
from shared.messages.market import PairListed
from shared.messages.orders import OrderPlaced
from shared.ports.account import Account as ExchangeAccount
from shared.ports.account import AccountOrder, Balance, KeyRights
from shared.ports.bus import Bus
from shared.ports.exchange import ExchangeError

TRIES = 3  # until nothing was booked while the exchange was asked
PLACED_READ, LISTINGS_READ = 10_000, 2_000


class AccountUnreadError(UserError):
    """The account could not be read, or must not be with this key."""


class NoBooksError(UserError):
    """The risk service has not stored anything yet, or goes on booking."""


class Look(Struct, frozen=True, kw_only=True):
    """What a comparison showed.

    orders: where orders go, as the configuration has it.
    rights: what the key may.
    """

    result: Reconciliation
    orders: str
    rights: KeyRights


async def reconcile(stack: StackLocator) -> Look:
    """Books and account as of one moment. Raises ``ConfigError``, ``AccountUnreadError``, ``NoBooksError``."""
    key = account_key_of(stack.settings.exchange)
    account = open_account(_url(stack), key.key, key.secret)
    try:
        rights = await _checked_rights(account)
        async with stack.bus() as bus:
            books, balances, orders = await _of_one_moment(stack, bus, account)
    except ExchangeError as error:
        raise AccountUnreadError(f"The account cannot be read: {_hidden(key, str(error))}") from None
    finally:
        await account.close()
    result = compare(books, balances, orders, stack.settings.universe)
    return Look(result=result, orders=stack.settings.exchange.orders, rights=rights)


async def _checked_rights(account: ExchangeAccount) -> KeyRights:
    """A key that could move money out of the account is not used at all."""
    rights = await account.rights()
    if rights.moves:
        may = f"The key may move money out of the account ({', '.join(rights.moves)})"
        raise AccountUnreadError(f"{may}: it is not used. Make one that may only read (enableReading).")
    return rights


async def _of_one_moment(
    stack: StackLocator, bus: Bus, account: ExchangeAccount
) -> tuple[Books, list[Balance], list[AccountOrder]]:
    """Books that were the same before and after the exchange was asked."""
    books = await _books(stack, bus)
    for _ in range(TRIES):
        balances, orders = list(await account.balances()), list(await account.open_orders())
        after = await _books(stack, bus)
        if after == books:
            return books, balances, orders
        books = after
    raise NoBooksError(f"Something was booked each of {TRIES} times while the account was read; try again.")


async def _books(stack: StackLocator, bus: Bus) -> Books:
    accounts = await stack.risk_records(bus, ACCOUNT, Account)
    if not accounts:
        raise NoBooksError("The risk service has stored no books yet. Does it run? See heatsink status.")
    executed = await bus.latest(bus.keys.of(EXECUTED), PLACED_READ)
    listed = await bus.latest(bus.keys.of(PAIRS), LISTINGS_READ)
    return Books(
        cash=next(iter(accounts.values())).cash,
        positions=await stack.risk_records(bus, POSITION, Position),
        orders=await stack.risk_records(bus, ORDER, OpenOrder),
        lots={each.symbol: each.quantity_step for each in reversed(listed) if isinstance(each, PairListed)},
        venue_ids={each.order_id: each.venue_order_id for each in executed if isinstance(each, OrderPlaced)},
    )


def _url(stack: StackLocator) -> str:
    return "" if stack.exchange == "binance" else stack.exchange_url


def _hidden(key: AccountKey, text: str) -> str:
    """The adapter hides both already; a second look costs nothing."""
    return text.replace(key.secret, "***").replace(key.key, "***")
