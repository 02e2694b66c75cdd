"""What getting out of a pair costs follows the NAV that limits are measured from, not one that a false price made."""

from msgspec import structs

from shared.domain.plan import BreakerPlan, Limits
from shared.domain.timeframes import DAY_NS
from shared.messages.control import Resume
from shared.messages.halts import ResumeAsked
from tests.domain.risk.breakers.halt_scenes import only
from tests.domain.risk.risk_harness import PRICES, RiskHarness, relaxed
from tests.samples import T0, bar

BTC = "BTC/USDT"
DAYS = 55


def test_one_false_mark_makes_it_dear_to_get_out_only_until_the_operator_has_resumed() -> None:
    harness = moving_market(only("drawdown"))
    usual = harness.machine.state.heat.pairs[BTC].exit_rate
    harness.fill(harness.buy(BTC, "0.2"))
    harness.pass_time(1)
    harness.mark(BTC, 1e12)
    harness.pass_time(2)
    harness.mark(BTC, PRICES["BTC"])
    harness.pass_time(2)
    assert harness.machine.state.halts.get("", "drawdown") is not None
    resume(harness)
    assert abs(harness.machine.state.heat.pairs[BTC].exit_rate - usual) < 1e-4
    harness.restart()
    assert abs(harness.machine.state.heat.pairs[BTC].exit_rate - usual) < 1e-4


def test_the_cost_is_the_same_after_a_restart() -> None:
    harness = moving_market(only("drawdown"))
    before = {symbol: pair.exit_rate for symbol, pair in harness.machine.state.heat.pairs.items()}
    harness.restart()
    assert {symbol: pair.exit_rate for symbol, pair in harness.machine.state.heat.pairs.items()} == before


def moving_market(breakers: BreakerPlan) -> RiskHarness:
    """Prices that go up and down, so that size has a cost."""
    limits = structs.replace(relaxed(Limits()), drawdown=0.2)
    harness = RiskHarness(limits=limits, exact=True, breakers=breakers)
    for day in range(30, DAYS):
        harness.now_ns = T0 + (day + 1) * DAY_NS
        harness.pass_time(0)
        daily = bar(BTC, timeframe="1d", hour=24 * day, close=PRICES["BTC"] * (1 + 0.012 * (-1) ** day))
        harness.handle(structs.replace(daily, quote_volume=1e8))
    harness.pass_time(1)
    harness.mark(BTC, PRICES["BTC"])
    return harness


def resume(harness: RiskHarness) -> None:
    """In two steps."""
    command = Resume(id="r-1", time_ns=harness.now_ns, who="me", reason="a false price")
    [asked] = harness.handle(command)
    assert isinstance(asked, ResumeAsked)
    harness.handle(structs.replace(command, id="r-2", confirm=asked.confirm))
