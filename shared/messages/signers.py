"""Who may write a message whose word moves money: where keys are configured, each of these is signed by its writer.

What a stack decides by is signed: verdicts, what became of orders, the portfolio, limits, phases and halts, operators'
commands, and entries that were set aside. The market and signals are not. Proposals are by those clients alone that
have to (``[clients.NAME] signed``): clients of any language write them, and the gate judges each of them anyway.
"""

from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, CONTROL, DECIDED, EXECUTED, HALTS, PORTFOLIO, SET_ASIDE, SIZES, Topic
from shared.messages.signals import SignalRefused

SIGNATURE = "signature"  # the field that is at fault where an entry is not believed
OPERATORS = CONTROL.written_by  # whoever gives commands: the command line, a bot, a dashboard


def _writers_of(topic: Topic) -> frozenset[str]:
    return frozenset(topic.written_by.split(", "))


SIGNERS: dict[type[Message], frozenset[str]] = {
    **{
        kind: _writers_of(topic)
        for topic in (DECIDED, EXECUTED, PORTFOLIO, HALTS, CONTROL, SET_ASIDE)
        for kind in topic.messages
    },
    **{kind: _writers_of(SIZES if kind is SignalRefused else DECIDED) for kind in AUDIT.messages},
}


def signers_on(topic: Topic | None) -> frozenset[str]:
    """Everybody whose signature a reader of the topic has to check; nobody for one that is not signed."""
    kinds = topic.readable if topic is not None else ()
    return frozenset().union(*(SIGNERS.get(kind, frozenset()) for kind in kinds))
