"""Halts of new risk: their begin, their end, the second step of a resume, and the alert before one."""

from typing import Literal

from shared.messages.base import Message, Name, Text, TimeNs

HaltMode = Literal["reducing", "halted"]
ClearedBy = Literal["time", "operator", "two_steps", "condition"]
Trigger = Literal[
    "operator",
    "gap",
    "market_shock",
    "heat",
    "drawdown",
    "day_loss",
    "feed",
    "exchange_status",
    "liquidity",
    "phase",
]


class Halted(Message, frozen=True, kw_only=True):
    """New risk is stopped. symbol is empty for the whole portfolio; until_ns 0 means no end by time.

    mode: ``reducing`` lets only reductions through; ``halted`` also cancels open entry orders.
    trigger: what set it off; one scope may be halted by several triggers at once, and each ends by itself.
    evidence: the figures that set it off. cleared_by: ``time``, ``operator``, ``two_steps`` (an operator, twice), or
    ``condition`` (it ends when what set it off is over). since_ns: when it began; ``time_ns`` is later once it was
    prolonged or made stricter. awaited: the feed that is missing was never heard, so nothing was lost.
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
    """A halt ended. held_ns: how long it lasted, market time."""

    symbol: str = ""
    reason: Text = ""
    held_ns: TimeNs = 0
    who: Name = "risk"
    trigger: Trigger = "operator"


class ResumeAsked(Message, frozen=True, kw_only=True):
    """A resume takes a second step: ``Resume`` once more, with this ``confirm`` code, before ``until_ns``."""

    confirm: Name
    symbol: str = ""
    trigger: Trigger = "operator"
    who: Name = "risk"
    until_ns: TimeNs = 0


class Alerted(Message, frozen=True, kw_only=True):
    """Something an operator should look at before it stops anything. symbol is empty for the whole portfolio."""

    trigger: Trigger
    reason: Text
    symbol: str = ""
    evidence: Text = ""
