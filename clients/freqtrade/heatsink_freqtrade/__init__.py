"""A freqtrade strategy behind heatsink's gate.

from heatsink_freqtrade import BehindHeatsink
from my_strategy import MyStrategy

class MyStrategyBehindHeatsink(BehindHeatsink, MyStrategy):
    pass
"""

from heatsink_freqtrade.mixin import BehindHeatsink

__all__ = ["BehindHeatsink"]
