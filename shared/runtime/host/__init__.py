"""The host runs one machine on the bus: it reads a batch, lets the machine decide, and commits all that follows.

What it is for. A machine (``domain.machine``) is deterministic and does no I/O. Something has to bring it messages,
keep its state, and send what it gives out, so that nothing is lost and nothing happens twice, whatever ends the process
and whenever. The host does this for any machine: it knows messages, streams and records, but not what they mean. One
thing is particular about orders: an order that comes twice is decided once. A collaborator does that (``idempotency``),
and only the machines that need it name it in their ``MachineSpec``.

How it starts. Starting is recovering; there is no other way to start.

1. Listen to the live channels, so that nothing which is published from here on is missed.
2. Acquire the writer lease, and with it an epoch (``ports.writer_lease``). From here on it is renewed every second.
3. Look at what was lost. Entries that were trimmed before anybody handled them are logged. Where cash and positions
   depend on them (``MachineSpec.vital``), the host refuses to go on.
4. Load the last commit. A digest over all records, and the number of the commit that this process saw made, tell
   whether the state is whole and new enough (docs/decisions/0001).
5. Warm the machine: feed it the history from which it rebuilds what is not in its records, and nothing comes out.
6. Handle what an earlier holder of the lease was given and did not finish.

What a step is.

1. Read new entries of all inputs, in their order of priority; a bounded number, so that a step stays short.
2. Tell the machine the time, then the latest marks and books, then the entries, then some questions. A mark comes
   before what is judged by it, and a question never delays a decision by more than a few of its kind.
3. Commit in one call: outputs, changed records, cursors and acknowledgements. What the commit does is all or nothing
   (``adapters/redis/heatsink.lua``).
4. Publish answers to questions. They are kept nowhere: whoever missed one asks again.

Why this is safe wherever the process dies. In steps 1 and 2 nothing has left the process: the entries are pending, and
the next host handles them. In step 3 the store has either done all of it or nothing; if the reply is lost, the host
does not guess, it ends, and the cursors that its successor loads say which of the two it was (docs/decisions/0002). A
process that wakes up after another took over is refused by its epoch. Ids derive from their cause, so that what is made
again is the same message, and a repeat is recognised.

Nothing is kept in the process that could not be read back. After any doubt (a connection lost, an order that the store
knows and the machine has forgotten) the error leaves the host, and ``service`` begins again with a new machine on a new
host. Two things outlive a host within one process (``ProcessMemory``).

The parts: ``step`` (the loop), ``recovery`` (steps 3 to 5 of starting), ``progress`` (what a commit counts on),
``inbox`` (live channels), ``dead_letters`` (what cannot be read), ``idempotency``. The same machines run without a bus
in ``runtime.replay``, and tests hold the two to the same outputs.
"""

from shared.runtime.host.step import MachineHost, ProcessMemory, machine_service

__all__ = ["MachineHost", "ProcessMemory", "machine_service"]
