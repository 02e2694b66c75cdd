"""The backtest: the machines that trade, over stored klines, and a report of what they did."""
