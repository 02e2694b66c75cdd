"""What comes to a machine by live channels, kept for its next step: the market as it is now, and questions.

All of it is bounded. Of marks and books only the latest of each pair counts; of questions a few wait. What came while
nobody listened is not missed: marks and books begin with what the bus knows, and who asked in vain asks again. A
question leaves the queue once it was answered: when a host ends, the next one of its process answers those that wait.
Questions rest as a flood does (``shared.adapters.resting``), for whoever proposes waits for the step that answers them.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from shared.adapters.codec import UnreadableError, decode, encode
from shared.adapters.resting import Resting
from shared.domain.timeframes import SECOND_NS
from shared.messages.ask import RoomAsked
from shared.messages.base import Message
from shared.messages.catalogue import ASK, BOOKS, MARKS, TOPIC_OF, Topic, topic_of_key
from shared.messages.market import BookSampled, MarkChanged
from shared.ports.bus import Bus
from shared.ports.errors import MisplacedKeyError
from shared.ports.streams import Listener
from shared.runtime.few_lines import FewLines
from shared.runtime.host.dead_letters import DeadLetters
from shared.runtime.machine_spec import Idempotency

QUESTIONS_KEPT = 200
QUESTIONS_A_STEP = 20  # no verdict may wait for many of them
LISTEN_SECONDS = 1.0
WAIT_BESIDE_QUESTIONS_MS = 1  # a flood of them does not keep a machine and the server at work without a pause
ENTRIES, QUESTIONS = "entries", "questions"  # what a step has to do

Latest = MarkChanged | BookSampled


class Inbox:
    """The inbox of one machine's channels, and the way back to those who asked.

    idempotency: takes in what may come by PUBLISH instead of by its stream; None where nothing may.
    wall_ns: tells wall time, by which warnings are few. steady_ns: tells steady time, by which questions rest.
    follows: whether marks and books of a pair are wanted, by its name.
    questions: those that wait; it outlives the host.
    """

    def __init__(
        self,
        bus: Bus,
        log: Any,
        dead_letters: DeadLetters,
        idempotency: Idempotency | None = None,
        *,
        wall_ns: Callable[[], int] = lambda: 0,
        steady_ns: Callable[[], int] = lambda: 0,
        follows: Callable[[str], bool] = lambda _: True,
        questions: deque[Message] | None = None,
    ) -> None:
        self._follows = follows
        self._bus, self._log, self._wall_ns, self._few = bus, log, wall_ns, FewLines()
        self._dead_letters, self._idempotency = dead_letters, idempotency
        self._latest: dict[tuple[type[Message], str], Latest] = {}
        self._questions: deque[Message] = deque() if questions is None else questions
        self._dropped = 0  # since none waited
        self._resting = Resting(lambda: steady_ns() / SECOND_NS)

    # --- taking in ------------------------------------------------------------------------------------------------

    async def load(self, topics: Sequence[Topic]) -> None:
        """Begin with what the bus knows of the latest marks or books; without any where their key is another's."""
        for topic, latest in ((MARKS, self._bus.marks), (BOOKS, self._bus.books)):
            if topic in topics:
                try:
                    found: Sequence[Latest] = list((await latest()).values())
                except MisplacedKeyError as error:
                    self._log.error("input_unreadable", source=topic.key, reason=str(error))
                    continue
                for each in found:
                    self.renew(each)

    async def follow(self, listener: Listener) -> None:
        """Take in all that comes by the channels, until cancelled."""
        while True:
            if (copy := await listener.next(LISTEN_SECONDS)) is None:
                continue
            await self.take(*copy)
            if topic_of_key(copy[0]) not in (MARKS, BOOKS):  # those that come at once are of one instant, for one step
                await asyncio.sleep(0)  # or the step would wait until a flood of questions is over

    async def take(self, channel: str, body: bytes) -> None:
        """Take in one message. Bytes that are none go to the dead letters, and who sent them is answered."""
        topic = topic_of_key(channel)
        if topic is ASK and len(self._questions) >= QUESTIONS_KEPT:  # of a flood not even the reading
            self._drop("")
            return
        try:
            message = decode(body, topic.messages if topic else ())
        except UnreadableError as error:
            unreadable = await self._dead_letters.put(channel, body, error.field, error.reason)
            if topic not in (MARKS, BOOKS):
                self.ask(unreadable)
            return
        if isinstance(message, MarkChanged | BookSampled):
            self.renew(message)
        elif topic is ASK:
            self.ask(message)
        elif self._idempotency is not None and (other := await self._idempotency.take_in(self._bus, message)):
            self.ask(other)

    def renew(self, latest: Latest) -> None:
        """Take the newest mark or book of a pair in place of the one before, if the pair is followed."""
        if self._follows(latest.symbol):
            self._latest[type(latest), latest.symbol] = latest

    def ask(self, question: Message) -> None:
        """Keep a question, or something else to be answered; what comes while too many wait is not."""
        if len(self._questions) < QUESTIONS_KEPT:
            self._questions.append(question)
            return
        self._drop(question.id)

    def _drop(self, question: str) -> None:
        """question: its id, empty where it was not read."""
        self._dropped += 1
        if str(self._dropped).rstrip("0") == "1":  # of a flood the first, then every tenfold
            self._log.warning("question_dropped", question=question, waiting=QUESTIONS_KEPT, count=self._dropped)

    # --- handing on -----------------------------------------------------------------------------------------------

    def take_latest(self) -> Sequence[Latest]:
        """The marks and books that changed since the last call."""
        if not self._latest:
            return ()
        taken = tuple(self._latest.values())
        self._latest.clear()
        return taken

    def wait_ms(self, most: int) -> int:
        """How long the next step may wait for entries: not long where questions wait for it."""
        if not self._questions:
            return most
        left = self._resting.seconds_left or 0.0
        return min(most, max(WAIT_BESIDE_QUESTIONS_MS, math.ceil(left * 1000)))

    def next_questions(self, entries: int = 0) -> Sequence[Message]:
        """The oldest few questions, in the order in which they came; none while they rest. They wait on until they are
        ``done``.

        entries: how many the step has that this is asked for.

        They are up to ``QUESTIONS_A_STEP`` about one pair each, or a single one about all pairs, whose answer costs as
        much as there are pairs. So a step's work is bounded by the number of pairs, whatever is asked.
        """
        taken: Sequence[Message] = ()
        if not self._questions:
            self._dropped = 0
        elif self._resting.awake((QUESTIONS,)):
            taken = self._oldest()
        gave = {ENTRIES: entries, QUESTIONS: len(taken)}
        self._resting.begin_step([each for each, count in gave.items() if count], [QUESTIONS] if taken else [])
        return taken

    def _oldest(self) -> Sequence[Message]:
        taken: list[Message] = []
        for question in islice(self._questions, QUESTIONS_A_STEP):
            if _is_over_all_pairs(question):
                return taken or [question]
            taken.append(question)
        return taken

    def all_questions(self) -> Sequence[Message]:
        """All that wait."""
        return tuple(self._questions)

    def done(self, questions: Sequence[Message]) -> None:
        """These, the oldest, were answered, at the end of their step."""
        self._resting.end_step()
        for _ in questions:
            self._questions.popleft()

    def give_up(self, question: Message | None, told: Sequence[Message]) -> None:
        """One that the machine fails at waits no more; in its place stands what the machine is told of it instead."""
        place = next(number for number, each in enumerate(self._questions) if each is question)
        del self._questions[place]
        for each in told:
            self._questions.insert(place, each)

    # --- answering ------------------------------------------------------------------------------------------------

    async def answer(self, answers: Sequence[Message]) -> None:
        """Publish the answers. Those that are too long, or would go to a channel of somebody else, are only logged."""
        fitting = []
        for message in answers:
            if not self._bus.keys.reply_channel(message):
                channel = str(getattr(message, "reply_to", ""))
                self._warn("answer_refused", question=message.cause, reply_to=channel)
            elif len(encode(message)) > TOPIC_OF[type(message)].max_bytes:
                self._warn("answer_too_long", question=message.cause, answer=type(message).__name__)
            else:
                fitting.append(message)
        if fitting:
            await self._bus.answer(fitting)

    def _warn(self, event: str, **fields: str) -> None:
        if self._few.take(self._wall_ns()):
            self._log.warning(event, **fields, **({} if self._few.is_each else {"count": self._few.count}))


def _is_over_all_pairs(question: Message) -> bool:
    return isinstance(question, RoomAsked) and not question.symbol


def durable_and_answers(outputs: list[Message]) -> tuple[list[Message], list[Message]]:
    """The outputs that a commit keeps, and those that are only published for who asked."""
    answers = [message for message in outputs if not TOPIC_OF[type(message)].durable]
    if not answers:
        return outputs, answers
    return [message for message in outputs if TOPIC_OF[type(message)].durable], answers
