"""What cancels and raised stops were answered, by their ids: one that comes again hears the same, and acts once.

A refusal takes no id (docs/decisions/0017), so what was refused and mended is looked at anew. As it stood it is too,
where it stands in the stream once more: its sender wrote it again.
"""

from msgspec import Struct

from shared.domain.recent import Recent
from shared.messages.base import Message
from shared.messages.orders import CancelDecided, CancelProposed, ProposalRefused, StopApproved, StopRaised

ANSWERS_REMEMBERED = 2_000
Word = CancelProposed | StopRaised
Answer = CancelDecided | StopApproved | ProposalRefused
ANSWERS = (CancelDecided, StopApproved, ProposalRefused)


class Answered(Struct, frozen=True):
    """word: what was answered; None of an answer from before the start."""

    word: Word | None
    answer: Answer


class Answers:
    """The latest of them."""

    def __init__(self) -> None:
        self._all: Recent[Answered] = Recent(ANSWERS_REMEMBERED)

    def note(self, word: Word, answer: Answer) -> None:
        """This was answered just now."""
        self._all.renew(word.id, Answered(word, answer))

    def remember(self, message: Message) -> None:
        """The same of an answer that the stream of verdicts has."""
        if isinstance(message, ANSWERS) and message.cause:
            self._all.renew(message.cause, Answered(None, message))

    def passed(self, word: Word) -> Answer | None:
        """How it passed before; None where it did not, or is another one by now."""
        said = self.to(word)
        return None if isinstance(said, ProposalRefused) else said

    def to(self, word: Word) -> Answer | None:
        """What was said to it; None where nothing is known, or it was to another one under its id."""
        before = self._all.get(word.id)
        return before.answer if before is not None and _is_same(word, before) else None


def _is_same(word: Word, before: Answered) -> bool:
    """By what it wants. Of an answer from before the start, as far as that tells."""
    first, answer = before.word, before.answer
    if isinstance(word, CancelProposed):
        if first is None:
            return not isinstance(answer, StopApproved) and answer.order_id == word.order_id
        return isinstance(first, CancelProposed) and _wants(first) == _wants(word)
    if first is None:
        return not isinstance(answer, CancelDecided) and answer.symbol == word.symbol
    return isinstance(first, StopRaised) and _wants(first) == _wants(word)


def _wants(word: Word) -> tuple[object, ...]:
    what = word.order_id if isinstance(word, CancelProposed) else (word.symbol, word.stop_price)
    return what, word.portfolio, word.client
