"""What the account at the exchange is asked with: signed by the secret of the file, whichever kind of key it is."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from shared.adapters.binance.account import open_account
from shared.config.account_key import account_key_of
from shared.config.model import ExchangeSettings
from shared.ports.exchange import RejectedError
from tests.adapters.binance.ed25519_of_rfc8032 import MESSAGE, PUBLIC, SEED, SIGNATURE, verifies

pytestmark = pytest.mark.sockets
KEY = "k" * 64
HEAD, END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
PKCS8 = base64.b64encode(bytes.fromhex("302e020100300506032b657004220420") + SEED).decode()
Verified = Callable[[bytes, str], bool]


def by_ed25519(message: bytes, signature: str) -> bool:
    return verifies(PUBLIC, message, base64.b64decode(signature, validate=True))


def by_hmac(message: bytes, signature: str) -> bool:
    return hmac.new(b"s" * 64, message, hashlib.sha256).hexdigest() == signature


@asynccontextmanager
async def exchange(verified: Verified) -> AsyncIterator[str]:
    """An account that is told to whoever signs with the one key, and Binance's error to all others."""

    async def account(request: web.Request) -> web.Response:
        message, _, _ = request.rel_url.raw_query_string.rpartition("&signature=")
        [signature] = parse_qs(request.rel_url.raw_query_string)["signature"]
        if request.headers["X-MBX-APIKEY"] != KEY or not verified(message.encode(), signature):
            return web.json_response({"code": -1022, "msg": "Signature for this request is not valid."}, status=400)
        return web.json_response({"balances": [{"asset": "BTC", "free": "0.5", "locked": "0"}]})

    async def time(request: web.Request) -> web.Response:
        return web.json_response({"serverTime": 1_735_693_200_000})

    application = web.Application()
    application.router.add_get("/api/v3/account", account)
    application.router.add_get("/api/v3/time", time)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def secret_in_file(folder: Path, secret: str) -> str:
    """As it is read from a file of an owner, whatever system it was written on."""
    path = folder / "account"
    path.write_bytes(f"{KEY}\n{secret}\n".encode())
    path.chmod(0o600)
    return account_key_of(ExchangeSettings(account_file=str(path))).secret


def test_what_verifies_here_is_the_vector_of_the_rfc_and_nothing_else() -> None:
    assert verifies(PUBLIC, MESSAGE, SIGNATURE)
    assert not verifies(PUBLIC, MESSAGE + b"x", SIGNATURE)
    assert not verifies(PUBLIC, MESSAGE, SIGNATURE[:32] + bytes(32))


@pytest.mark.parametrize(
    ("secret", "verified"),
    [
        (f"{HEAD}\n{PKCS8}\n{END}", by_ed25519),
        (f"{HEAD}\r\n{PKCS8}\r\n{END}\r\n\r\n", by_ed25519),
        ("s" * 64, by_hmac),
    ],
    ids=["ed25519", "ed25519 of another system", "hmac"],
)
async def test_the_account_is_told_to_a_key_of_either_kind(tmp_path: Path, secret: str, verified: Verified) -> None:
    async with exchange(verified) as url:
        account = open_account(url, KEY, secret_in_file(tmp_path, secret))
        try:
            assert [(each.asset, each.free) for each in await account.balances()] == [("BTC", 0.5)]
        finally:
            await account.close()


@pytest.mark.parametrize(
    "secret",
    [
        f"{HEAD}\nabc\n{END}",
        f"{HEAD}\n{PKCS8[:-8]}\n{END}",
        f"{HEAD}\n{PKCS8}",
        f"{HEAD}\n{PKCS8 * 4}\n{END}",
        f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{PKCS8}\n-----END ENCRYPTED PRIVATE KEY-----",
    ],
    ids=["garbage", "cut", "without an end", "no key", "encrypted"],
)
async def test_a_private_key_that_cannot_be_read_is_refused_by_what_to_do_and_not_shown(
    tmp_path: Path, secret: str
) -> None:
    async with exchange(by_ed25519) as url:
        account = open_account(url, KEY, secret_in_file(tmp_path, secret))
        try:
            with pytest.raises(RejectedError, match="no private key that can be read: write") as caught:
                await account.balances()
        finally:
            await account.close()
    assert PKCS8[:20] not in str(caught.value)
