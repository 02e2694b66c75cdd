"""The breakers fire at the same moments, for the same reasons, in a replay and on Redis: the days FTX fell."""

from pathlib import Path

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.domain.plan import BreakerPlan, Limits, Plan
from shared.messages.catalogue import AUDIT, DECIDED, HALTS, PROPOSED
from shared.messages.halts import Alerted, Halted, Resumed
from shared.messages.orders import OrderDecided, OrderProposed
from tests.keys import MAIN
from tests.simulation import test_parity as parity

# Thresholds so low that hourly bars of those days reach them.
OF_PRICE = BreakerPlan(gap_atr=0.002, shock_move=0.02, shock_minutes=60.0, adv_floor_usdt=40e6)
OF_MONEY = BreakerPlan(off=("gap", "market_shock", "liquidity"), day_loss=0.001, drawdown_warning=0.002)
OF_HEAT = BreakerPlan(off=("gap", "market_shock", "liquidity", "day_loss", "drawdown"), reduce_heat=True)


@pytest.mark.parametrize(
    ("breakers", "expected"),
    [
        pytest.param(OF_PRICE, {"gap", "market_shock", "liquidity"}, id="price"),
        pytest.param(OF_MONEY, {"day_loss", "drawdown"}, id="money", marks=pytest.mark.wide),
        pytest.param(OF_HEAT, {"heat"}, id="heat", marks=pytest.mark.wide),
    ],
)
async def test_halts_and_their_ends_are_the_same_in_both_hosts(
    data_dir: Path, redis_bus: RedisBus, breakers: BreakerPlan, expected: set[str]
) -> None:
    limits = Limits(book_age_seconds=0.0, heat=0.01, drawdown=0.004 if breakers is OF_MONEY else 0.15)
    plan = Plan(strategies=parity.STRATEGIES, limits=limits, breakers=breakers)
    pairs, groups = parity.market(data_dir)
    outputs = parity.by_replay(pairs, groups, plan)
    await parity.by_redis(redis_bus, pairs, groups, plan)
    halts = [message for message in outputs if isinstance(message, Halted | Resumed)]
    alerts = [message for message in outputs if isinstance(message, Alerted)]
    assert await parity.everything(redis_bus, MAIN.of(HALTS)) == halts
    audited = await parity.everything(redis_bus, MAIN.of(AUDIT))
    assert [message for message in audited if isinstance(message, Alerted)] == alerts
    assert {message.trigger for message in halts if isinstance(message, Halted)} == expected
    decisions = [message for message in outputs if isinstance(message, OrderDecided)]
    decided = await parity.everything(redis_bus, MAIN.of(DECIDED))
    assert [message for message in decided if isinstance(message, OrderDecided)] == decisions
    sales = [each for each in outputs if isinstance(each, OrderProposed) and each.strategy == "heat_breaker"]
    proposed = await parity.everything(redis_bus, MAIN.of(PROPOSED))
    assert [each for each in proposed if each in sales] == sales
    assert bool(sales) is ("heat" in expected)
    assert {alert.trigger for alert in alerts} == expected & {"drawdown", "liquidity"}
