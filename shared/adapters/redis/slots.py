"""Which keys one command may name on a Redis Cluster, and in which order several commands read what one would have.

A cluster spreads keys over 16384 slots, by a hash of the key, or of the part in braces where it has one (its hash tag).
A command that names keys of several slots is refused, even by a node that serves all of them. Streams of bars, signals
and a portfolio stand in different slots, so what is one read on an ordinary server is one per slot there.

One read takes its entries at one moment; several do not. So the order in which they are made matters: whatever was
published to a portfolio before a bar was must not be missed by the batch that has the bar. The other slots are read
first, those of low priority before those of high, and the home slot last, so that it is as new as any of them. It is
also the one that is waited on: what comes to another slot meanwhile is read when the wait is over.

All slots must be served by one node, as they are where a managed service calls a single shard a cluster: a client of
several nodes would have to send each key to its own (``prepare`` in ``client`` refuses such a server).
"""

from collections.abc import Iterable, Sequence

from redis.crc import key_slot

Together = tuple[str, ...]  # keys that one command may name


def reading_order(streams: Iterable[str], home: str) -> Sequence[Together]:
    """Groups of streams of one slot each, in the order in which to read them; the last one is the one to wait on.

    streams: in their order of priority. home: a key, or the beginning of one, in the slot to wait on. Where none of the
    streams is in that slot, it is the slot of the first stream.
    """
    by_slot: dict[int, list[str]] = {}
    for stream in streams:
        by_slot.setdefault(slot_of(stream), []).append(stream)
    if not by_slot:
        return ()
    waited_on = slot_of(home) if slot_of(home) in by_slot else next(iter(by_slot))
    others = [tuple(group) for slot, group in by_slot.items() if slot != waited_on]
    return (*reversed(others), tuple(by_slot[waited_on]))


def slot_of(key: str) -> int:
    """The slot of a key. The beginning of a key will do, if it has the hash tag."""
    return key_slot(key.encode())
