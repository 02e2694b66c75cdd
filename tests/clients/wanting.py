"""A freqtrade strategy that wants more than any limit allows: everything, always, with all of the money it has."""

from datetime import datetime
from typing import Any

from freqtrade.strategy import IStrategy
from heatsink_freqtrade import BehindHeatsink
from pandas import DataFrame


class Wanting(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "15m"
    startup_candle_count = 5
    stoploss = -0.03
    minimal_roi = {"0": 0.03, "240": 0.0}  # noqa: RUF012 - as freqtrade has it
    order_types = {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False}  # noqa: RUF012
    process_only_new_candles = False

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["exit_long"] = 0
        return dataframe

    def custom_stake_amount(self, pair: str, current_time: datetime, max_stake: float, **kwargs: Any) -> float:
        return max_stake


class WantingBehindHeatsink(BehindHeatsink, Wanting):
    pass


class WantingBehindHeatsinkByLimit(BehindHeatsink, Wanting):
    stoploss = -0.005  # near enough for some to sell
    minimal_roi = {"0": 0.01, "90": -0.01}  # noqa: RUF012 - as freqtrade has it
    order_types = Wanting.order_types | {"entry": "limit", "exit": "limit", "stoploss_on_exchange": True}
