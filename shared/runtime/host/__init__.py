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
6. Handle what an earlier holder of the lease was given and did not finish: in batches, or, after a failure, one by one.

What a step is.

1. Read new entries of all inputs, in their order of priority; a bounded number, so that a step stays short.
2. Tell the machine the time, then the latest marks and books, then the entries, then some questions. A mark comes
   before what is judged by it, and a question never delays a decision by more than a few of its kind: while entries
   come, questions rest between the steps that answer some. Bars are taken as they closed, the longer first on a tie,
   whichever streams they stand on (docs/decisions/0018).
3. Tell of what is passed over because the machine fails at it, on ``hs:dead`` and ``hs:set-aside``. This comes before
   the commit, so that nothing is passed over in silence. A commit on a Redis Cluster does not reach ``hs:dead``: there,
   what cannot be read or believed is put away now, too.
4. Commit in one call: outputs, changed records, cursors, acknowledgements, and for ``hs:dead`` what cannot be read or
   believed. What the commit does is all or nothing (``adapters/redis/heatsink.lua``), but for what has no place on
   ``hs:dead``: that is logged, and stops no commit.
5. Publish answers to questions. They are kept nowhere: whoever missed one asks again.

Why this is safe wherever the process dies. In steps 1 to 3 nothing has been decided: the entries are pending, and the
next host handles them. In step 4 the store has either done all of it or nothing; if the reply is lost, the host
does not guess, it ends, and the cursors that its successor loads say which of the two it was (docs/decisions/0002). A
process that wakes up after another took over is refused by its epoch. Ids derive from their cause, so that what is made
again is the same message, and a repeat is recognised.

No entry ends a service for good. A machine that raises has a bug, and its state may be half changed, so the step is
dropped and the host ends. The next one goes on from the last commit and hands over what was pending one by one, with a
commit each: neighbours are kept, and what failed only because of a neighbour succeeds. What fails again is *set aside*
(``failures``, ``set_aside``): the cursor moves past it, it stands on ``hs:dead`` with the exception, and the gate hears
of it and halts what depends on it, by name, until an operator has looked. It is the same for what cannot be committed
because of what the machine made of it, for an entry that is only shown again (step 5 of starting), and for one that
kills the process. Marks, books, questions and the time have no cursor: they are passed over by where they come from,
for a while, and then tried again. That somebody fails at the halt itself makes no further halt, so this ends.

Nothing is kept in the process that could not be read back. After any doubt (a connection lost, an order that the store
knows and the machine has forgotten) the error leaves the host, and ``service`` begins again with a new machine on a new
host. Three things outlive a host within one process (``ProcessMemory``).

The parts: ``step`` (the loop), ``recovery`` (steps 3 to 5 of starting), ``progress`` (what a commit counts on),
``inbox`` (live channels), ``dead_letters`` (what is not read, or not believed), ``failures`` and ``set_aside`` (what
cannot be handled), ``idempotency``. The same machines run without a bus in ``runtime.replay``, and tests hold the two
to the same outputs.
"""

from shared.runtime.host.machine_service import machine_service
from shared.runtime.host.process_memory import ProcessMemory
from shared.runtime.host.step import MachineHost

__all__ = ["MachineHost", "ProcessMemory", "machine_service"]
