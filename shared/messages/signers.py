"""Who may write a message whose word moves money: where keys are configured, each of these is signed by its writer.

What a stack decides by is signed: verdicts, what became of orders, the portfolio, limits, phases and halts, operators'
commands, and entries that were set aside. The market, signals and proposals are not: clients of any language write
proposals, and the gate judges each of them anyway.
"""

from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, CONTROL, DECIDED, EXECUTED, HALTS, PORTFOLIO, SET_ASIDE, Topic
from shared.messages.signals import SignalRefused

OPERATOR = "operator"  # whoever gives commands: the command line, a bot, a dashboard
RISK, SIZING, EXECUTION, SIGNALS = "risk", "sizing", "execution", "signals"
# Every name under which somebody signs, each with a key of its own.
WRITERS = (RISK, SIZING, EXECUTION, SIGNALS, "market_data", "exchange_sim", "ops", OPERATOR)

_BY_TOPIC: tuple[tuple[Topic, frozenset[str]], ...] = (
    (DECIDED, frozenset({RISK})),
    (EXECUTED, frozenset({EXECUTION})),
    (PORTFOLIO, frozenset({RISK})),
    (HALTS, frozenset({RISK})),
    (AUDIT, frozenset({RISK})),
    (CONTROL, frozenset({OPERATOR})),
    (SET_ASIDE, frozenset({SIGNALS, SIZING, RISK, EXECUTION})),
)
SIGNERS: dict[type[Message], frozenset[str]] = {
    kind: writers for topic, writers in _BY_TOPIC for kind in topic.messages
} | {SignalRefused: frozenset({SIZING})}


def signers_on(topic: Topic | None) -> frozenset[str]:
    """Everybody whose signature a reader of the topic has to check; nobody for one that is not signed."""
    kinds = topic.readable if topic is not None else ()
    return frozenset().union(*(SIGNERS.get(kind, frozenset()) for kind in kinds))
