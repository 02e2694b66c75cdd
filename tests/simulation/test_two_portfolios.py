"""Two portfolios on one server trade side by side, and the services of one never touch what is the other's.

The services of each log in as a user who may reach the market's keys and channels, and those with the tag of its own
portfolio: the server itself refuses everything else, and a service that is refused ends.
"""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import (
    CONTROL,
    DECIDED,
    EXECUTED,
    HALTS,
    PROPOSED,
    SIGNALS,
    SIZES,
)
from shared.messages.control import Halt
from shared.messages.halts import Halted
from shared.messages.orders import OrderDecided, OrderFilled, OrderProposed
from shared.ports.errors import AccessRefusedError
from tests.patience import until
from tests.simulation.portfolios_stage import Market, Portfolio, login, settings_of, trading
from tests.upgrade.scene import order, wave


@pytest.fixture
async def market(redis_bus: RedisBus, valkey_server: str) -> AsyncIterator[Market]:
    """A market at the end of its history, and two portfolios of different size whose services do not run yet."""
    clock = ManualClock()
    async with login(redis_bus, valkey_server, "alpha") as alpha, login(redis_bus, valkey_server, "beta") as beta:
        portfolios = [
            Portfolio(settings_of("alpha", 200_000.0), alpha, clock),
            Portfolio(settings_of("beta", 1_000_000.0), beta, clock),
        ]
        market = Market(redis_bus, clock, portfolios)
        await market.begin()
        yield market


async def test_two_portfolios_trade_one_market_and_neither_reaches_what_is_the_others(market: Market) -> None:
    async with trading(market) as (alpha, beta):
        for hour in range(4):
            await market.hour(hour)
        held = [{each.symbol: each.quantity for each in (await one.snapshot()).positions} for one in (alpha, beta)]
        assert held[0]
        assert held[0] != held[1]
        for hour in range(4, 14):
            await market.hour(hour)
        for portfolio in (alpha, beta):
            fills = [each for each in await portfolio.all(EXECUTED) if isinstance(each, OrderFilled)]
            decided = [each for each in await portfolio.all(DECIDED) if isinstance(each, OrderDecided)]
            assert {each.side for each in fills} == {"buy", "sell"}
            assert all(each.id.startswith(f"decided-{portfolio.name}-") for each in decided)
            assert {each.order_id for each in fills} <= {each.order_id for each in decided}
            assert await portfolio.all(SIZES)
        signals = await alpha.all(SIGNALS)
        assert signals == await beta.all(SIGNALS), "one strategy process speaks to both"
        small, large = await alpha.snapshot(), await beta.snapshot()
        assert 150_000 < small.nav < 250_000 < 900_000 < large.nav
        orders = [{each.id for each in await portfolio.all(PROPOSED)} for portfolio in (alpha, beta)]
        assert not orders[0] & orders[1], "an order's id says whose it is"
        keys = {key.decode() for key in await market.bus.client.keys("*")}
        tagged = {name: {key.replace(name, "*") for key in keys if f"{{{name}}}" in key} for name in ("alpha", "beta")}
        assert {"hs:{*}:state:risk", "hs:{*}:meta:sizing", "hs:{*}:journal:execution", "hs:{*}:services"} <= (
            tagged["alpha"] & tagged["beta"]
        )
        assert not [key for key in keys if key.startswith("hs:{") and key[4:].partition("}")[0] not in tagged]
        for one, other in ((alpha, beta), (beta, alpha)):  # or the server's refusal would prove nothing
            with pytest.raises(AccessRefusedError):
                await RedisBus(one.bus.client, other.bus.keys).publish([order("o-1", "BTC", 20_000.0, "1")])


async def test_heartbeats_of_two_portfolios_stand_side_by_side(market: Market) -> None:
    async with trading(market) as (alpha, beta):
        for portfolio in (alpha, beta):
            beats = await portfolio.bus.heartbeats()
            owners = {name: beat.facts["portfolio"] for name, beat in beats.items()}
            own = dict.fromkeys(("sizing", "risk", "execution"), portfolio.name)
            assert owners == {"signals": "alpha", **own}


async def test_a_halt_of_one_portfolio_leaves_the_other_trading(market: Market) -> None:
    async with trading(market) as (alpha, beta):
        for hour in range(3):
            await market.hour(hour)
        halt = Halt(id="halt-1", time_ns=market.clock.time_ns, who="alice", reason="enough")
        await alpha.bus.publish([halt])
        await market.settle()
        for portfolio in (alpha, beta):
            proposed = order(f"mine-{portfolio.name}", "BTC", wave("BTC", 2), "0.01", portfolio=portfolio.name)
            await portfolio.bus.publish([proposed])
        refused, approved = await alpha.verdict("mine-alpha"), await beta.verdict("mine-beta")
        assert (refused.verdict, approved.verdict) == ("reject", "approve")
        assert refused.binding == "halted"
        assert any(isinstance(each, Halted) for each in await alpha.all(HALTS))
        assert await beta.all(HALTS) == []
        assert await beta.all(CONTROL) == []


async def test_an_order_with_the_same_id_in_both_portfolios_is_decided_in_both(market: Market) -> None:
    async with trading(market) as (alpha, beta):
        for hour in range(3):
            await market.hour(hour)
        for portfolio in (alpha, beta):
            await portfolio.bus.publish([order("same", "BTC", wave("BTC", 2), "0.01", portfolio=portfolio.name)])
        decisions = [await portfolio.verdict("same") for portfolio in (alpha, beta)]
        assert [each.verdict for each in decisions] == ["approve", "approve"]
        assert [each.id for each in decisions] == ["decided-alpha-same", "decided-beta-same"]
        assert decisions[0].nav < decisions[1].nav


async def test_an_order_on_the_stream_of_another_portfolio_is_refused(market: Market) -> None:
    async with trading(market) as (alpha, _):
        for hour in range(3):
            await market.hour(hour)
        astray = order("astray", "BTC", wave("BTC", 2), "0.01", portfolio="beta")
        assert isinstance(astray, OrderProposed)
        await alpha.bus.publish([astray])
        decided = await alpha.verdict("astray")
        assert (decided.verdict, decided.quantity_approved) == ("reject", Decimal(0))


async def test_the_second_signals_stands_by_and_goes_on_where_the_first_stopped(market: Market) -> None:
    async with trading(market) as (alpha, beta):
        for hour in range(12):
            await market.hour(hour)
        before = await alpha.all(SIGNALS)
        assert before
        assert not beta.is_ready("signals")
        await alpha.stop("signals")
        await until(lambda: beta.is_ready("signals"))
        for hour in range(12, 24):
            await market.hour(hour)
        signals = await beta.all(SIGNALS)
        assert signals[: len(before)] == before
        assert len(signals) > len(before)
        assert len({each.id for each in signals}) == len(signals), "nothing was said twice"
