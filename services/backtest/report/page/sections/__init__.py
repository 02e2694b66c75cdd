"""The sections of the page. Each is a function from the backtest and its figures to markup."""
