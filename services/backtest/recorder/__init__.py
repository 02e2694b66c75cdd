"""What a backtest keeps of a run: every part takes messages and figures, and gives its share of the result."""
