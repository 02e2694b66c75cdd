"""Halts of new risk: their begin, their end, the second step of a resume, and the alert before one."""

from typing import Annotated, Literal

from msgspec import Meta

from shared.messages.base import Message, Name, Text, TimeNs

HaltMode = Literal["reducing", "halted"]
ClearedBy = Literal["time", "operator", "two_steps", "condition"]
# The name of a breaker, ``operator``, ``phase``, ``set_aside``, ``false_fill`` or ``memory``. It is text on the wire,
# so that a reader of an older version takes a halt of a new breaker: an enumeration would make it refuse the whole
# message.
Trigger = Annotated[str, Meta(min_length=1, max_length=32)]


class Halted(Message, frozen=True, kw_only=True):
    """New risk is stopped, in one pair or in the whole portfolio.

    symbol: the pair; empty for the whole portfolio.
    mode: ``reducing`` lets only reductions through; ``halted`` also cancels open entry orders.
    reason: why, for people.
    until_ns: market time at which it ends by itself; 0 for no end by time.
    who: the operator, or ``risk``.
    trigger: what set it off. One scope may be halted by several triggers at once, and each halt ends by itself.
    evidence: the figures that set it off, for people.
    cleared_by: what ends it: ``time``, ``operator``, ``two_steps`` (an operator, twice), or ``condition`` (what set it
        off is over).
    since_ns: market time at which it began; ``time_ns`` is later once it was prolonged or made stricter.
    awaited: the feed that is missing was never heard, so nothing was lost.
    """

    symbol: str = ""
    mode: HaltMode = "halted"
    reason: Text = ""
    until_ns: TimeNs = 0
    who: Name = "risk"
    trigger: Trigger = "operator"
    evidence: Text = ""
    cleared_by: ClearedBy = "operator"
    since_ns: TimeNs = 0
    awaited: bool = False


class Resumed(Message, frozen=True, kw_only=True):
    """A halt ended.

    symbol, trigger: which one; the symbol is empty for the whole portfolio.
    reason: why it ended, for people.
    held_ns: how long it lasted, market time.
    who: the operator, or ``risk``.
    """

    symbol: str = ""
    reason: Text = ""
    held_ns: TimeNs = 0
    who: Name = "risk"
    trigger: Trigger = "operator"


class ResumeAsked(Message, frozen=True, kw_only=True):
    """A resume takes a second step: ``Resume`` once more, with the code.

    confirm: the code, good for the halts that stand now.
    symbol: the pair; empty for the whole portfolio.
    trigger: of the halt that asks for the second step.
    who: the operator who took the first one.
    until_ns: market time until which the code is good.
    """

    confirm: Name
    symbol: str = ""
    trigger: Trigger = "operator"
    who: Name = "risk"
    until_ns: TimeNs = 0


class Alerted(Message, frozen=True, kw_only=True):
    """Something that an operator should look at before it halts anything.

    trigger: what would halt.
    symbol: the pair; empty for the whole portfolio.
    """

    trigger: Trigger
    reason: Text
    symbol: str = ""
    evidence: Text = ""
