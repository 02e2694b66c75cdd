"""The account at the simulated exchange: signed as Binance wants it, in its shape and words."""

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.exchange_sim.sim_stage import Stage, stage

pytestmark = pytest.mark.sockets
KEY, SECRET = "k" * 64, "s" * 64
ACCOUNT = {
    "key": KEY,
    "secret": SECRET,
    "balances": [{"asset": "BTC", "free": "0.5", "locked": "0.1"}, {"asset": "ETH"}],
    "orders": [{"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "mine", "side": "SELL", "type": "STOP_LOSS_LIMIT",
                "origQty": "0.1", "price": "100", "stopPrice": "101.5"}],
}  # fmt: skip


async def set_account(stage: Stage, **changes: Any) -> None:
    async with stage.http.post(f"{stage.url}/sim/account", json=ACCOUNT | changes) as response:
        assert response.status == 200, await response.text()


async def ask(
    stage: Stage, path: str, *, key: str = KEY, secret: str = SECRET, late_ms: int = 0, **query: Any
) -> tuple[int, Any]:
    text = urlencode(query | {"timestamp": stage.now_ms - late_ms})
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": key} if key else {}
    url = f"{stage.url}{path}?{text}&signature={signature}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return response.status, await response.json()


async def test_balances_orders_and_rights_are_told_as_binance_tells_them() -> None:
    async with stage() as scene:
        await set_account(scene)
        status, account = await ask(scene, "/api/v3/account")
        assert (status, account["accountType"]) == (200, "SPOT")
        assert account["balances"][0] == {"asset": "BTC", "free": "0.50000000", "locked": "0.10000000"}
        assert len(account["balances"]) == 2
        _, held = await ask(scene, "/api/v3/account", omitZeroBalances="true")
        assert [each["asset"] for each in held["balances"]] == ["BTC"]
        _, [order] = await ask(scene, "/api/v3/openOrders")
        assert (order["type"], order["stopPrice"], order["status"]) == ("STOP_LOSS_LIMIT", "101.50000000", "NEW")
        assert (await ask(scene, "/api/v3/openOrders", symbol="ETHUSDT"))[1] == []
        _, rights = await ask(scene, "/sapi/v1/account/apiRestrictions")
        assert (rights["enableReading"], rights["enableSpotAndMarginTrading"]) == (True, False)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [({"key": ""}, 401, -2014), ({"key": "other"}, 401, -2015), ({"secret": "other"}, 400, -1022),
     ({"late_ms": 5_001 * 60}, 400, -1021), ({"late_ms": -1_001 * 60}, 400, -1021)],
)  # fmt: skip
async def test_a_question_that_is_not_signed_well_is_refused_with_binances_code(
    changes: dict[str, Any], status: int, code: int
) -> None:
    async with stage() as scene:
        await set_account(scene)
        found, body = await ask(scene, "/api/v3/account", **changes)
        assert (found, body["code"]) == (status, code)


async def test_without_an_account_or_a_right_to_read_nothing_is_told() -> None:
    async with stage() as scene:
        assert (await ask(scene, "/api/v3/account"))[1]["code"] == -2015
        await set_account(scene, rights={})
        assert (await ask(scene, "/api/v3/account"))[1]["code"] == -2015
        async with scene.http.post(f"{scene.url}/sim/account", json={"key": 3}) as response:
            assert response.status == 400


@pytest.mark.parametrize(
    ("limit", "code"),
    [("all", -1100), ("-1", -1100), ("1e3", -1100), ("", -1100), ("9" * 30, -1100), ("0", -1130)],
)
async def test_an_odd_limit_of_trades_is_an_error_of_binances(limit: str, code: int) -> None:
    async with stage() as scene:
        await set_account(scene)
        status, body = await ask(scene, "/api/v3/myTrades", symbol="ETHUSDT", limit=limit)
        assert (status, body["code"]) == (400, code)
