"""Entries are believed only if who may write them has signed them, and did not say the same before.

Where no keys are configured, everything is believed as it is, and ``domain/risk/claims.py`` is all that stands between
the bus and the ledger. What stands in the queue of a client that has to sign is believed by the client's own key.
"""

from shared.messages.catalogue import CONTROL, REPORTED, SET_ASIDE, client_of_key, topic_of_key
from shared.messages.signers import SIGNATURE, SIGNERS
from shared.ports.signatures import AFTER, NotSignedError, Signatures, Signed
from shared.ports.streams import Entry, entry_order
from shared.runtime.host.progress import Progress

UNQUEUED = (
    "here clients sign what they report, and a report outside of their queues could be anybody's: send it by hs_report"
)


class SignedEntries:
    """Checks what a machine is given, over its progress: the places of the words that it believed are cursors too."""

    def __init__(self, signatures: Signatures, progress: Progress, clients: frozenset[str] = frozenset()) -> None:
        """clients: those that have to sign what they put into their queues."""
        self._signatures, self._progress, self._clients = signatures, progress, clients

    def checked(self, entry: Entry) -> Entry:
        """The entry; or, when it is not to be believed, one without a message and with the reason."""
        if entry.message is None:
            return entry
        if self._clients and (client := client_of_key(entry.stream)) in self._clients:
            return self._checked_of(client, entry)
        if self._clients and not client and topic_of_key(entry.stream) is REPORTED:
            return _not_believed(entry, NotSignedError(UNQUEUED))
        writers = SIGNERS.get(type(entry.message))
        if writers is None or not self._signatures.are_checked or self._is_from_before(entry):
            return entry
        try:
            signed = self._signatures.read(entry.stream, entry.body, entry.signature)
            self._check(entry, signed, writers)
        except NotSignedError as error:
            return _not_believed(entry, error)
        return entry

    def _checked_of(self, client: str, entry: Entry) -> Entry:
        """The same of what stands in a client's queue. New copies are harmless: one id gets one verdict. Old ones are
        refused by their time, which is compared with that of arrival: the gate may have been away since.
        """
        came_ms = entry_order(entry.id)[0]
        try:
            self._signatures.clients.check(client, entry.stream, entry.body, entry.signature, came_ms)
        except NotSignedError as error:
            return _not_believed(entry, error)
        return entry

    def _is_from_before(self, entry: Entry) -> bool:
        """Whether it was written before anything was signed here (see ``heatsink keys adopt``)."""
        until = self._progress.cursors.get(unsigned_until(entry.stream))
        return until is not None and entry_order(entry.id) <= entry_order(until)

    def _check(self, entry: Entry, signed: Signed, writers: frozenset[str]) -> None:
        """Raises ``NotSignedError``. Keeps the place of a word that is believed."""
        if signed.writer not in writers:
            raise NotSignedError(f"it is signed by {signed.writer}, and only {' or '.join(sorted(writers))} may say so")
        topic, row = topic_of_key(entry.stream), f"{entry.stream}#{signed.writer}"
        last = entry_order(self._progress.cursors.get(row, "0-0"))
        if topic is SET_ASIDE:  # of several writers, in any order; what is told twice halts once
            return
        if topic is CONTROL:
            if not signed.place.startswith(AFTER) or entry_order(signed.place[len(AFTER) :]) < last:
                raise NotSignedError("another command was taken after it was signed, or it is a copy: send it again")
            self._progress.believe(row, entry.id)
            return
        if not signed.place or entry_order(signed.place) <= last:
            raise NotSignedError(f"{signed.writer} has said more since then: it is a copy of what was said before")
        self._progress.believe(row, signed.place)


def _not_believed(entry: Entry, error: NotSignedError) -> Entry:
    return entry._replace(message=None, fault=(SIGNATURE, f"{type(entry.message).__name__} is not believed: {error}"))


def unsigned_until(stream: str) -> str:
    """The name of the cursor up to which entries of a stream need no signature."""
    return f"{stream}#"
