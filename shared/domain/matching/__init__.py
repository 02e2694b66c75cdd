"""The pure paper exchange: at what price an order would have filled, and whether a stop or a limit was reached.

``prices``: spread, slippage and fees. ``triggers``: marks and bars against resting orders. Without state: the paper
execution machine keeps the orders.
"""
