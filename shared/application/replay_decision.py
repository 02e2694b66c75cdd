"""A past decision once more: what the journal has of it, and whether the same verdict comes out."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from msgspec import Struct, ValidationError

from shared.application.errors import UserError
from shared.application.orders import PAGE, find_decision
from shared.application.stack import StackLocator
from shared.domain.active_limits import ActiveLimits, with_changes
from shared.domain.plan import Limits
from shared.domain.risk.again.decide import decide_again
from shared.domain.risk.again.evidence import Evidence
from shared.domain.risk.gate.repeats import difference, proposal_of
from shared.domain.risk.state.effective_limits import policy_of
from shared.domain.risk.state.state import LIMITS
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DECIDED, HALTS, PAIRS, PROPOSED
from shared.messages.halts import Halted
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided, OrderProposed
from shared.messages.portfolio import LimitsChanged
from shared.ports.bus import Bus
from shared.ports.errors import AccessRefusedError

M = TypeVar("M", bound=Message)


class UnknownPolicyError(UserError):
    """Nobody here knows the limits that a decision was held to."""


class Replayed(Struct, frozen=True, kw_only=True):
    """A decision that was made again.

    decided: the verdict as it is stored. again: as it comes out now.
    differs: the fields and rules in which they differ; empty when they are the same to the last bit.
    proposed: whether the order is kept as it was sent.
    """

    decided: OrderDecided
    again: OrderDecided
    differs: tuple[str, ...]
    proposed: bool


async def replay_decision(stack: StackLocator, order_id: str) -> Replayed:
    """Decide on an order again. Raises ``UnknownOrderError``, ``UnknownPolicyError``, ``BusLostError``."""
    async with stack.bus() as bus:
        evidence = await _evidence(stack, bus, await find_decision(bus, order_id))
    again = decide_again(evidence)
    return Replayed(
        decided=evidence.decided,
        again=again.decided,
        differs=again.differs,
        proposed=evidence.proposed is not None,
    )


async def _evidence(stack: StackLocator, bus: Bus, decided: OrderDecided) -> Evidence:
    plan = stack.settings.plan
    halts = await _journal(bus, bus.keys.of(HALTS), Halted)
    verdicts = await _journal(bus, bus.keys.of(DECIDED), OrderDecided)
    listings = await _journal(bus, PAIRS.key, PairListed)
    of_pair = [each for each in listings if each.symbol == decided.symbol and each.time_ns <= decided.time_ns]
    clock = await stack.clock(bus)
    return Evidence(
        decided=decided,
        proposed=await _proposal(bus, decided),
        plan=plan,
        universe=stack.settings.universe,
        portfolio=bus.keys.portfolio,
        speed=clock.speed,
        limits=await _limits(stack, bus, decided),
        listing=of_pair[-1] if of_pair else None,
        halts=tuple(reversed(halts)),
        approvals=tuple(
            each for each in verdicts if each.seq < decided.seq and each.side == "buy" and each.quantity_approved
        ),
    )


async def _journal(bus: Bus, stream: str, kind: type[M]) -> list[M]:
    """What a stream keeps of one kind, the oldest first."""
    return [message for message in reversed(await bus.latest(stream, PAGE)) if isinstance(message, kind)]


async def _proposal(bus: Bus, decided: OrderDecided) -> OrderProposed | None:
    """The order as it was sent first, from the streams that one may read."""
    order = proposal_of(decided)
    for stream in (bus.keys.of(PROPOSED), *map(bus.keys.of_client, await bus.clients())):
        with suppress(AccessRefusedError):  # a client may not see what others proposed
            for sent in await _journal(bus, stream, OrderProposed):
                if sent.id == decided.order_id and not difference(sent, order):
                    return sent
    return None


async def _limits(stack: StackLocator, bus: Bus, decided: OrderDecided) -> Limits:
    plan = stack.settings.plan
    stored = (await stack.risk_records(bus, LIMITS, ActiveLimits)).get("")
    changes = await _journal(bus, bus.keys.of(AUDIT), LimitsChanged)
    begun = (stored.limits if stored else plan.limits, plan.limits)
    for limits in _earlier(begun, changes):
        if policy_of(limits, plan) == decided.policy:
            return limits
    here = policy_of(begun[0], plan)
    raise UnknownPolicyError(
        f"Order {decided.order_id} was held to policy {decided.policy}. The settings here make policy {here}, and no"
        f" change of limits that is kept leads from there to it. Name the settings of then: --config FOLDER."
    )


def _earlier(begun: Sequence[Limits], changes: Sequence[LimitsChanged]) -> Iterator[Limits]:
    """Limits that were in force, as far as changes tell: each set, and what it was before each change, newest first."""
    for latest in begun:
        yield latest
        limits = latest
        for change in reversed(changes):
            with suppress(ValidationError):
                limits = with_changes(limits, change.old)
                yield limits
