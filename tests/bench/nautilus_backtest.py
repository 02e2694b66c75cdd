"""The yardstick of backtests: the same job in NautilusTrader's backtest engine. Runs in a Python of its own.

    .venv-bench/bin/python tests/bench/nautilus_backtest.py equal 38 8760

Both jobs walk ``pairs`` x ``bars`` hours of ``columns.walk`` with a 20-bar breakout and a size by ATR; the engine has
no limit over a portfolio. It prints CPU seconds of the run alone, bars, fills and raised stops as JSON.

- ``equal``: a protective stop rests in the engine and is trailed there at every close; a trade needs a new signal.
- ``bare``: one market order in, one market order out, by comparing prices in Python; no stop rests anywhere.
"""

import json
import sys
from collections import deque
from decimal import Decimal
from time import process_time

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.indicators import AverageTrueRange, MovingAverageType
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("BINANCE")
HOURLY_TO_DAILY = 5  # about the root of 24: an hour's range in a day's


def walk(pairs, bars, seed=7):
    """As in ``columns.py``, which this Python cannot import."""
    rng = np.random.default_rng(seed)
    together = rng.normal(0, 0.004, bars)
    for _ in range(pairs):
        close = 100 * np.exp(np.cumsum(0.8 * together + rng.normal(0, 0.005, bars)))
        open_ = np.concatenate([[100.0], close[:-1]])
        wicks = np.abs(rng.normal(0, 0.003, (2, bars)))
        yield open_, np.maximum(open_, close) * (1 + wicks[0]), np.minimum(open_, close) * (1 - wicks[1]), close


class Breakout(Strategy):
    """What both jobs share: indicators, and a purchase of a risk of 1,000 at most 10,000 dear."""

    def __init__(self, instrument, bar_type):
        super().__init__()
        self.instrument, self.bar_type = instrument, bar_type
        self.atr = AverageTrueRange(10, MovingAverageType.WILDER)
        self.highs, self.lows = deque(maxlen=20), deque(maxlen=20)
        self.quantity, self.raises = None, 0

    def on_start(self):
        self.register_indicator_for_bars(self.bar_type, self.atr)
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar):
        self.judge(bar.close.as_double())
        self.highs.append(bar.high.as_double())
        self.lows.append(bar.low.as_double())

    def send(self, side):
        self.submit_order(self.order_factory.market(self.instrument.id, side, self.quantity))

    def size(self, close, distance):
        self.quantity = self.instrument.make_qty(min(1_000 / distance, 10_000 / close))


class Bare(Breakout):
    def judge(self, close):
        if self.quantity is not None:
            if close < self.stop_price:
                self.send(OrderSide.SELL)
                self.quantity = None
        elif len(self.highs) == 20 and close > max(self.highs) and self.atr.initialized and self.atr.value > 0:
            distance = 1.2 * self.atr.value
            self.size(close, distance)
            self.stop_price = close - distance
            self.send(OrderSide.BUY)


class Equal(Breakout):
    def __init__(self, instrument, bar_type):
        super().__init__(instrument, bar_type)
        self.strength, self.guard, self.waits = 0.0, None, False

    def judge(self, close):
        before = self.strength
        if len(self.highs) == 20:
            if close > max(self.highs):
                self.strength = 1.0
            elif close < min(self.lows):
                self.strength = 0.0
        distance = 1.2 * HOURLY_TO_DAILY * self.atr.value
        is_new = self.strength == 1.0 and before != 1.0
        if is_new and self.guard is None and not self.waits and self.atr.initialized and distance > 0:
            self.size(close, distance)
            self.stop_price, self.waits = close - distance, True
            self.send(OrderSide.BUY)
        elif self.guard is not None and self.guard.is_open:
            self.follow(close - distance)

    def follow(self, stop):
        if self.strength == 0.0:
            self.cancel_order(self.guard)
            self.send(OrderSide.SELL)
        elif stop > self.stop_price:
            self.stop_price = stop
            self.raises += 1
            self.modify_order(self.guard, trigger_price=self.instrument.make_price(stop))

    def on_order_filled(self, event):
        if event.order_side == OrderSide.BUY:
            trigger = self.instrument.make_price(self.stop_price)
            self.guard = self.order_factory.stop_market(self.instrument.id, OrderSide.SELL, self.quantity, trigger)
            self.submit_order(self.guard)
        else:
            self.guard, self.waits = None, False


def instrument_of(number):
    name = f"C{number:02d}"
    fee = Decimal("0.001")
    return CurrencyPair(
        InstrumentId(Symbol(f"{name}USDT"), VENUE), Symbol(f"{name}USDT"),
        Currency(name, 4, 0, name, CurrencyType.CRYPTO), USDT, 4, 4, Price.from_str("0.0001"),
        Quantity.from_str("0.0001"), ts_event=0, ts_init=0, maker_fee=fee, taker_fee=fee,
    )  # fmt: skip


def run(job, pairs, bars):
    engine = BacktestEngine(config=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE, oms_type=OmsType.NETTING, account_type=AccountType.CASH, base_currency=None,
        starting_balances=[Money(20_000_000, USDT)],
    )  # fmt: skip
    times, data, strategies = pd.date_range("2024-01-01", periods=bars, freq="h", tz="UTC"), [], []
    for number, (open_, high, low, close) in enumerate(walk(pairs, bars)):
        instrument = instrument_of(number)
        engine.add_instrument(instrument)
        bar_type = BarType.from_str(f"{instrument.id}-1-HOUR-LAST-EXTERNAL")
        columns = {"open": open_, "high": high, "low": low, "close": close, "volume": 1e4}
        data.extend(BarDataWrangler(bar_type, instrument).process(pd.DataFrame(columns, index=times).round(4)))
        strategy = job(instrument, bar_type)
        strategy.change_id(type(strategy.id)(f"Breakout-{number:03d}"))
        strategies.append(strategy)
        engine.add_strategy(strategy)
    data.sort(key=lambda bar: bar.ts_init)
    engine.add_data(data)
    since = process_time()
    engine.run()
    seconds = process_time() - since
    fills = len(engine.trader.generate_order_fills_report())
    raises = sum(strategy.raises for strategy in strategies)
    return {"seconds": seconds, "bars": pairs * bars, "fills": fills, "raises": raises}


if __name__ == "__main__":
    print(json.dumps(run({"equal": Equal, "bare": Bare}[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3]))))
