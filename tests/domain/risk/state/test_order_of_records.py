"""A store gives records back in any order: what a machine says, and in which order, is the same after a restart."""

from shared.domain.risk.state.halts import NewHalt
from shared.messages.control import Flatten, Halt
from tests.domain.risk.risk_harness import PRICES, RiskHarness

WHO = {"who": "ana", "reason": "why"}


def busy() -> RiskHarness:
    """Three positions, a sell and two buys in flight, and halts of two triggers."""
    harness = RiskHarness()
    for base in ("SOL", "BTC", "ETH"):
        harness.fill(harness.buy(f"{base}/USDT", "1"))
    harness.sell("ETH/USDT", "0.05", order_id="z")
    harness.buy("XRP/USDT", "20", order_id="y")
    harness.buy("ADA/USDT", "20", order_id="x")
    return harness


def test_positions_orders_and_halts_stand_in_the_same_order_after_a_restart() -> None:
    one, other = busy(), busy()
    other.restart()
    for harness in (one, other):
        harness.mark("BTC/USDT", PRICES["BTC"])
    [before, after] = [harness.snapshot.positions for harness in (one, other)]
    assert [each.symbol for each in before] == [each.symbol for each in after] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    orders = [harness.machine.state.reservations.all() for harness in (one, other)]
    assert [order.order_id for order in orders[0]] == ["z", "y", "x"]
    assert orders[0] == orders[1]
    command = Flatten(id="c", time_ns=one.now_ns, **WHO)
    assert one.handle(command) == other.handle(command)


def test_of_two_halts_the_older_one_is_named_before_and_after_a_restart() -> None:
    harness = RiskHarness()
    harness.machine.state.halts.begin(
        Halt(id="h-1", time_ns=harness.now_ns, **WHO), NewHalt(symbol="ETH/USDT", trigger="phase", reason="first")
    )
    harness.pass_time(0.001)
    harness.handle(Halt(id="h-2", time_ns=harness.now_ns, symbol="ETH/USDT", **WHO))
    assert harness.buy("ETH/USDT", "0.1").reason == "ETH/USDT reducing: first"
    harness.restart()
    assert harness.buy("ETH/USDT", "0.1").reason == "ETH/USDT reducing: first"
