"""What heatsink needs of the outside, as protocols: bus, clock, exchange, store."""
