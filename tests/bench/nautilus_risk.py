"""The yardstick: what one pre-trade check costs in NautilusTrader's RiskEngine. Runs in a Python of its own.

    .venv-bench/bin/python tests/bench/nautilus_risk.py 5000

For each line on stdin it checks that many new orders (a limit order under a notional limit and a rate limit, a quote in
the cache, a cash account) and prints the microseconds of each on a line; it ends with its stdin.
"""

import sys
from time import perf_counter

from nautilus_trader.accounting.accounts.cash import CashAccount
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.config import RiskEngineConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OrderSide
from nautilus_trader.model.events import AccountState
from nautilus_trader.model.identifiers import AccountId, StrategyId, TraderId
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.providers import TestInstrumentProvider

TRADER, STRATEGY = TraderId("BENCH-001"), StrategyId("S-001")


def balance(amount: int, currency: object) -> AccountBalance:
    return AccountBalance(Money(amount, currency), Money(0, currency), Money(amount, currency))


class Yardstick:
    """A risk engine whose execution side only takes down what passed."""

    def __init__(self) -> None:
        clock = TestClock()
        bus = MessageBus(trader_id=TRADER, clock=clock)
        cache = Cache()
        self.instrument = TestInstrumentProvider.btcusdt_binance()
        cache.add_instrument(self.instrument)
        cache.add_account(
            CashAccount(
                AccountState(
                    account_id=AccountId("BINANCE-001"), account_type=AccountType.CASH, base_currency=None,
                    reported=True, balances=[balance(10_000_000, USDT), balance(1_000, BTC)], margins=[], info={},
                    event_id=UUID4(), ts_event=0, ts_init=0,
                )
            )
        )  # fmt: skip
        price, size = Price.from_str("60000.00"), Quantity.from_str("1.000000")
        cache.add_quote_tick(QuoteTick(self.instrument.id, price, price, size, size, 0, 0))
        most = {str(self.instrument.id): 10_000_000}
        self.engine = RiskEngine(
            portfolio=Portfolio(msgbus=bus, cache=cache, clock=clock), msgbus=bus, cache=cache, clock=clock,
            config=RiskEngineConfig(max_order_submit_rate="100000000/00:00:01", max_notional_per_order=most),
        )  # fmt: skip
        self.passed: list[object] = []
        self.denied: list[object] = []
        bus.register("ExecEngine.execute", self.passed.append)
        bus.register("ExecEngine.process", self.denied.append)
        self.orders = OrderFactory(trader_id=TRADER, strategy_id=STRATEGY, clock=clock)

    def microseconds(self, count: int) -> float:
        quantity, price = Quantity.from_str("0.100000"), Price.from_str("60000.00")
        commands = [
            SubmitOrder(
                trader_id=TRADER, strategy_id=STRATEGY, command_id=UUID4(), ts_init=0,
                order=self.orders.limit(self.instrument.id, OrderSide.BUY, quantity, price),
            )
            for _ in range(count)
        ]  # fmt: skip
        self.passed.clear()
        started = perf_counter()
        for command in commands:
            self.engine.execute(command)
        took = perf_counter() - started
        assert len(self.passed) == count, self.denied[:1]
        return took / count * 1e6


def main() -> None:
    yardstick = Yardstick()
    for line in sys.stdin:
        print(f"{yardstick.microseconds(int(line)):.3f}", flush=True)


main()
