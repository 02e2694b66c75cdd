"""The backtest: the machines that trade, over recorded markets, and what a run tells."""
