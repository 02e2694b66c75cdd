"""An account at Binance, or at the simulated exchange, through ccxt: read, with a key that need do no more.

Not by ``client.py``, which never sends a key: this one asks the hosts that know accounts, and only ever asks. The time
of the exchange is read before each question, for a signature is good for some seconds only.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ccxt.async_support.binance import binance
from ccxt.base.errors import BaseError, DDoSProtection, NotSupported, OperationFailed, RateLimitExceeded

from shared.domain.universe import exchange_symbol
from shared.ports.account import MOST_TRADES, AccountOrder, AccountTrade, Balance, KeyRights
from shared.ports.exchange import ExchangeError, RateLimitedError, RejectedError, UnavailableError

HOST = "https://api.binance.com"
TIMEOUT_MS = 10_000
PAUSE_SECONDS = 60.0
TRADES = ("enableSpotAndMarginTrading", "enableMargin", "enableFutures", "enableVanillaOptions", "enableFixApiTrade")
MOVES = ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer")
UNKNOWN_PAIR = "-1121"
SIGNED_QUERY = re.compile(r"\?\S*")


class CcxtAccount:
    """See ``ports.account.Account``."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._hidden = (secret, key)
        self._client = binance(_config(url or HOST, key, secret))  # type: ignore[arg-type]

    async def rights(self) -> KeyRights:
        """What the key may; not known where the exchange has no such question, as on its testnet."""
        try:
            told = await self._ask(self._client.sapiGetAccountApiRestrictions)
        except RejectedError as error:
            if "404" in str(error):
                return KeyRights(known=False)
            raise
        if not isinstance(told, dict) or not isinstance(told.get("enableReading"), bool):
            raise UnavailableError(f"rights that cannot be: {str(told)[:200]}")
        return KeyRights(
            known=True,
            trades=tuple(name for name in TRADES if told.get(name)),
            moves=tuple(name for name in MOVES if told.get(name)),
        )

    async def balances(self) -> Sequence[Balance]:
        told = await self._ask(self._client.privateGetAccount, {"omitZeroBalances": "true"})
        rows = told.get("balances") if isinstance(told, dict) else None
        if not isinstance(rows, list):
            raise UnavailableError(f"an account that cannot be: {str(told)[:200]}")
        found = [
            Balance(asset=_text(row, "asset"), free=_amount(row, "free"), locked=_amount(row, "locked")) for row in rows
        ]
        return [balance for balance in found if balance.total]

    async def open_orders(self) -> Sequence[AccountOrder]:
        rows = await self._ask(self._client.privateGetOpenOrders)
        if not isinstance(rows, list):
            raise UnavailableError(f"open orders that cannot be: {str(rows)[:200]}")
        return [
            AccountOrder(
                exchange_symbol=_text(row, "symbol"),
                order_id=_text(row, "orderId"),
                client_order_id=_text(row, "clientOrderId"),
                side=_text(row, "side"),
                kind=_text(row, "type"),
                quantity=_amount(row, "origQty"),
                filled=_amount(row, "executedQty"),
                price=_amount(row, "price"),
                stop_price=_amount(row, "stopPrice"),
            )
            for row in rows
        ]

    async def trades(self, symbol: str) -> Sequence[AccountTrade] | None:
        question = {"symbol": exchange_symbol(symbol), "limit": str(MOST_TRADES)}
        try:
            rows = await self._ask(self._client.privateGetMyTrades, question)
        except RejectedError as error:
            if UNKNOWN_PAIR in str(error):
                return None
            raise
        if not isinstance(rows, list):
            raise UnavailableError(f"trades that cannot be: {str(rows)[:200]}")
        return [_trade(row, symbol.partition("/")[0]) for row in rows]

    async def time_ms(self) -> int:
        told = await self._ask(self._client.publicGetTime)
        return int(_amount(told, "serverTime"))

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _ask(self, endpoint: Any, question: dict[str, str] | None = None) -> Any:
        self._check_secret()
        try:
            await self._client.load_time_difference()
            return await endpoint(question or {})
        except BaseError as error:
            raise self._explained(error) from None  # ccxt's own text may have the signed address in it

    def _check_secret(self) -> None:
        """Whether it signs at all. Raises ``RejectedError``: ccxt fails in many ways at a private key that is none."""
        try:
            self._client.sign("account", ["private"])
        except Exception:  # noqa: BLE001 - of every library that may look at a key
            raise RejectedError(
                "the secret is no private key that can be read: write that of an HMAC key, or an Ed25519 key as "
                "Binance gives it (PKCS#8, not encrypted), from BEGIN PRIVATE KEY to END PRIVATE KEY"
            ) from None  # its text may have the key in it

    def _explained(self, error: BaseError) -> ExchangeError:
        text = SIGNED_QUERY.sub("", str(error))
        for word in self._hidden:
            text = text.replace(word, "***")
        text = text[:300]
        if isinstance(error, DDoSProtection | RateLimitExceeded) and "-2015" not in text:
            return RateLimitedError(text, PAUSE_SECONDS)
        if isinstance(error, NotSupported) or (isinstance(error, OperationFailed) and "-20" not in text):
            return UnavailableError(text)
        return RejectedError(text)


def open_account(url: str, key: str, secret: str) -> CcxtAccount:
    """The account at ``url`` (``http://host:port`` of the simulated exchange); at Binance itself where it is empty."""
    return CcxtAccount(url, key, secret)


def _trade(row: Any, base: str) -> AccountTrade:
    is_buyer = row.get("isBuyer") if isinstance(row, dict) else None
    if not isinstance(is_buyer, bool):
        raise UnavailableError(f"a trade without its side: {str(row)[:200]}")
    quantity, fee = _amount(row, "qty"), _amount(row, "commission")
    return AccountTrade(
        exchange_symbol=_text(row, "symbol"),
        trade_id=_text(row, "id"),
        order_id=_text(row, "orderId"),
        side="buy" if is_buyer else "sell",
        quantity=quantity,
        arrived=quantity - fee if is_buyer and row.get("commissionAsset") == base else quantity,
        price=_amount(row, "price"),
        time_ms=int(_amount(row, "time")),
    )


def _config(url: str, key: str, secret: str) -> dict[str, Any]:
    rest = f"{url}/api/v3"
    return {
        "apiKey": key,
        "secret": secret,
        "timeout": TIMEOUT_MS,
        "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False},
        "urls": {"api": {"public": rest, "private": rest, "sapi": f"{url}/sapi/v1"}},
    }


def _text(row: Any, name: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise UnavailableError(f"a row without {name}: {str(row)[:200]}")
    return str(value)


def _amount(row: Any, name: str) -> Decimal:
    text = _text(row, name)
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or value < 0:
        raise UnavailableError(f"{name} {text[:60]!r} that cannot be: {str(row)[:200]}")
    return value
