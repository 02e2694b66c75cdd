"""From stored klines to the instants of a market, as the machines are shown them."""
