"""``heatsink reconcile`` as it is typed: a real risk service, and the account at the simulated exchange, by ccxt."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import structs

from services.exchange_sim.exchange import ExchangeOptions
from shared.adapters.redis.bus import RedisBus
from shared.domain.timeframes import MS_NS
from shared.messages.orders import OrderFilled
from tests.cli.verbs.operators_stage import HELD as FILLED
from tests.cli.verbs.operators_stage import D, Run, risk_service, run
from tests.exchange_sim.sim_stage import TOKEN, running_exchange
from tests.exchange_sim.test_sim_account import KEY, SECRET

__all__ = ["run"]  # a fixture
STOP = {"symbol": "ETHUSDT", "orderId": 7, "clientOrderId": "stop", "side": "SELL", "type": "STOP_LOSS_LIMIT",
        "origQty": "1", "price": "1440", "stopPrice": "1450"}  # fmt: skip
HELD = [
    {"asset": "ETH", "free": "0", "locked": "1"},
    {"asset": "USDT", "free": "198499"},
    {"asset": "BNFCR", "free": "3"},
]
ADMIN = {"enableReading": True, "enableSpotAndMarginTrading": True}


@asynccontextmanager
async def account(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> AsyncIterator[str]:
    """An account that has what the risk service of the scene has, unless ``changes`` say otherwise."""
    options, headers = ExchangeOptions(token=TOKEN), {"Authorization": f"Bearer {TOKEN}"}
    async with running_exchange(options=options) as (_, place), aiohttp.ClientSession(headers=headers) as http:
        told = {"key": KEY, "secret": SECRET, "balances": HELD, "orders": [STOP]} | changes
        async with http.post(f"http://{place}/sim/account", json=told) as response:
            assert response.status == 200, await response.text()
        monkeypatch.setenv("HEATSINK_EXCHANGE__KIND", "sim")
        monkeypatch.setenv("HEATSINK_EXCHANGE__URL", f"http://{place}")
        monkeypatch.setenv("HEATSINK_EXCHANGE__ACCOUNT_KEY", KEY)
        monkeypatch.setenv("HEATSINK_EXCHANGE__ACCOUNT_SECRET", SECRET)
        yield place


async def booked(bus: RedisBus) -> None:
    """Wait until the scene's one ETH is in the books that are stored."""
    from shared.domain.portfolio.ledger import POSITION, Position

    while not await bus.stored_records("risk", POSITION, Position):
        await asyncio.sleep(0.02)


async def test_books_and_an_account_that_agree_end_with_0(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with risk_service(redis_bus), account(monkeypatch):
        await booked(redis_bus)
        told = await asyncio.to_thread(run, "reconcile")
        assert (told.exit_code, told.stderr) == (0, "")
        assert "Books and account agree: cash, ETH/USDT." in told.stdout
        assert "Outside the universe, and no difference: 3 BNFCR." in told.stdout
        assert "Orders go to the paper exchange" in told.stdout


async def test_what_differs_is_told_pair_by_pair_and_ends_with_3(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    balances = [{"asset": "ETH", "free": "0.4"}, {"asset": "USDT", "free": "190000"}, {"asset": "SOL", "free": "7"}]
    async with risk_service(redis_bus), account(monkeypatch, balances=balances, orders=[], rights=ADMIN):
        await booked(redis_bus)
        told = await asyncio.to_thread(run, "reconcile")
        assert told.exit_code == 3
        words = " ".join(told.stdout.split())
        assert "cash 198499 USDT 190000 USDT the account has 8499 USDT less than the books" in words
        assert "ETH/USDT 1 0.4 0.6 ETH are gone" in words
        assert "SOL/USDT 0 7 7 SOL are not in the books; to bring them in: heatsink import positions" in words
        assert "nothing protects the position at the exchange" in words
        assert "4 differences." in words
        assert "The key may trade (enableSpotAndMarginTrading)" in words
        found = json.loads((await asyncio.to_thread(run, "reconcile", "--json")).stdout)
        codes = [each["code"] for each in found["result"]["differences"]]
        assert codes == ["cash", "less_held", "no_stop", "more_held"]
        assert KEY not in told.output
        assert SECRET not in told.output


async def test_a_key_that_may_move_money_away_is_not_used(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with account(monkeypatch, rights=ADMIN | {"enableWithdrawals": True}):
        told = await asyncio.to_thread(run, "reconcile")
        assert told.exit_code == 1
        assert "The key may move money out of the account (enableWithdrawals): it is not used." in told.stderr


@pytest.mark.parametrize("changes", [{"secret": "other"}, {"key": "other"}])
async def test_a_key_that_the_exchange_does_not_know_is_told_and_not_shown(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    async with account(monkeypatch, **changes):
        told = await asyncio.to_thread(run, "reconcile")
        assert (told.exit_code, "The account cannot be read: " in told.stderr) == (1, True)
        assert KEY not in told.output
        assert SECRET not in told.output
        assert "signature=" not in told.output


async def test_an_exchange_that_is_away_is_told_without_the_key(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with account(monkeypatch):
        pass
    told = await asyncio.to_thread(run, "reconcile")
    assert (told.exit_code, "The account cannot be read: " in told.stderr) == (1, True)
    assert KEY not in told.output


async def test_without_a_key_it_says_how_to_give_one(redis_bus: RedisBus, run: Run) -> None:
    told = await asyncio.to_thread(run, "reconcile")
    assert told.exit_code == 78
    assert "there is no key for the account" in told.stderr
    assert "HEATSINK_EXCHANGE__ACCOUNT_KEY" in told.stderr


async def test_a_file_of_the_key_has_to_be_its_owners_alone(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n{SECRET}\n")
    async with risk_service(redis_bus), account(monkeypatch):
        await booked(redis_bus)
        monkeypatch.delenv("HEATSINK_EXCHANGE__ACCOUNT_KEY")
        monkeypatch.delenv("HEATSINK_EXCHANGE__ACCOUNT_SECRET")
        monkeypatch.setenv("HEATSINK_EXCHANGE__ACCOUNT_FILE", str(path))
        path.chmod(0o644)
        told = await asyncio.to_thread(run, "reconcile")
        assert (told.exit_code, "others may read it (mode 644)" in told.stderr) == (78, True)
        path.chmod(0o600)
        assert (await asyncio.to_thread(run, "reconcile")).exit_code == 0


async def test_each_trade_that_is_on_one_side_only_is_named_where_clients_execute(
    redis_bus: RedisBus, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked_too = {"symbol": "ETHUSDT", "id": 1, "orderId": 7, "isBuyer": True, "price": "1500", "qty": "1"}
    not_told = booked_too | {"id": 2, "orderId": 8, "isBuyer": False, "price": "1600.5", "qty": "0.25"}
    long_ago = not_told | {"id": 3, "orderId": 9, "time": 1}
    monkeypatch.setenv("HEATSINK_EXCHANGE__ORDERS", "client")
    async with risk_service(redis_bus), account(monkeypatch, trades=[long_ago, booked_too, not_told]) as place:
        await booked(redis_bus)
        async with aiohttp.ClientSession() as http, http.get(f"http://{place}/api/v3/time") as response:
            now_ms = (await response.json())["serverTime"]
        about: dict[str, Any] = {
            "order_id": "o-2",
            "symbol": "SOL/USDT",
            "side": "buy",
            "fee_usdt": D(0),
            "time_ns": now_ms * MS_NS,
        }
        made_up = OrderFilled(id="f-2", trade_id="t-2", quantity=D(3), price=D(20), **about)
        the_first = structs.replace(FILLED, id="f-3", time_ns=now_ms * MS_NS, trade_id="as-one")
        await redis_bus.publish([made_up, the_first])
        told = await asyncio.to_thread(run, "reconcile", "--hours", "2")
        assert told.exit_code == 3
        words = " ".join(told.stdout.split())
        assert "ETH/USDT nothing sell 0.25 at 1600.5 (trade 2, order 8) the trade is not in the books" in words
        assert "SOL/USDT buy 3 at 20 (trade t-2, order o-2) nothing the exchange knows no such trade" in words
        assert "2 differences" in words
        assert "Trades were compared since" in words
