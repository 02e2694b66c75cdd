"""What stands on a server that heatsink never puts there, and how each of it is mended.

What can be wrong, and what mends it:

| what | how it is mended | what is lost |
|---|---|---|
| a key of another kind | moved aside | what stood there before somebody wrote over it |
| a stream with the last id there is | the same stream without that entry | nothing |
| numbers of a machine's commits (``meta``) | from its journal, and from the rows of reserved risk | nothing |
| names of clients | from the queues that are there | nothing |
| cursors | from how far its groups are | nothing |
| reserved risk | from the risk service's records | nothing |
| a stored decision | from the stream of decisions, or taken away | nothing |
| the time of a pair's last bar | from the stream of bars | nothing |
| a fence of the market | from the epoch in force | nothing |
| rows of heartbeats, prices, books, notes of tries | taken away | nothing: they are written anew |
| a lease that never ends | taken away | nothing |
| records | not here: only the server's own data can give them back | |

``look`` finds, and changes nothing. ``mend`` does one of them, and may be done again. Both take the server as they find
it, with services that run: what is mended, they go on with by themselves.
"""

from shared.adapters.redis.repair.faults import KeyFault, Machine, Stack
from shared.adapters.redis.repair.looking import look

__all__ = ["KeyFault", "Machine", "Stack", "look"]
