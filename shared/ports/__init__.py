"""What heatsink needs of the outside, as protocols: bus, streams, writer lease, clock, exchange."""
