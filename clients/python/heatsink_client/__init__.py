"""heatsink's gate for bots in Python: propose an order, get a verdict, trade what it allows.

    from heatsink_client import Gate

    with Gate("redis://127.0.0.1:6390/0") as gate:
        if verdict := gate.propose("ETH/USDT", "buy", "0.5", stop_price="3600", id="mine-1"):
            print("may buy", verdict.quantity)

``AsyncGate`` is the same for asyncio. Every message is a dataclass in ``heatsink_client.messages``.
"""

from heatsink_client.answers import Answer, Entry, RoomLeft, Verdict
from heatsink_client.async_gate import AsyncGate
from heatsink_client.errors import GateError, MissedError, StaleError, UnreachableError
from heatsink_client.gate import Gate

__all__ = [
    "Answer",
    "AsyncGate",
    "Entry",
    "Gate",
    "GateError",
    "MissedError",
    "RoomLeft",
    "StaleError",
    "UnreachableError",
    "Verdict",
]
