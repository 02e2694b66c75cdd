"""How large a position may be, what the strategies together want of it, and the orders that lead there."""
