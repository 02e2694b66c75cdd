"""What all refusals say alike, whichever machine makes them: of bytes that are no message, and of its own failure."""

from typing import TypedDict

from shared.messages.base import derived_id, truncate
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived


class Refused(TypedDict):
    """Fields that all refusals have, as they are in ``ProposalRefused``."""

    id: str
    cause: str
    trace: str
    time_ns: int
    code: str
    field: str
    reason: str
    source: str
    entry: str
    unanswered: int


def unreadable(received: UnreadableReceived, unanswered: int, *, portfolio: str = "") -> Refused:
    """Of bytes that are no message.

    portfolio: whose answer it is, where machines of several portfolios answer to the same bytes.
    """
    sent_id = received.parts.get("id", "")
    return Refused(
        id=_id_of(received.id, portfolio),
        cause=sent_id,
        trace=received.parts.get("trace", "") or sent_id,
        time_ns=received.time_ns,
        code="malformed",
        field=received.bare_field,
        reason=received.sentence,
        source=received.source[:128],
        entry=received.entry,
        unanswered=unanswered,
    )


def failed(passed_over: EntrySetAside, unanswered: int, now_ns: int, *, portfolio: str = "") -> Refused:
    """Of a message that a machine failed at, of which its own host tells it. portfolio: as above."""
    return Refused(
        id=_id_of(passed_over.id, portfolio),
        cause=passed_over.cause,
        trace=passed_over.trace_id,
        time_ns=now_ns or passed_over.time_ns,
        code="failed",
        field="$",
        reason=truncate(passed_over.told_sender),
        source=passed_over.source,
        entry=passed_over.entry,
        unanswered=unanswered,
    )


def _id_of(received_id: str, portfolio: str) -> str:
    return derived_id("refused", *filter(None, (portfolio, received_id)))
