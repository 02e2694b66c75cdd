"""Figures that derive from bars: ATR, ADV, daily volatility, and the arithmetic of gaps."""
