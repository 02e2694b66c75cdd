"""Lets the gate decide once more, and compares."""

from msgspec import Struct

from shared.domain.risk.again.evidence import Evidence
from shared.domain.risk.again.sight import sights_of
from shared.domain.risk.gate.gate import Gate
from shared.messages.orders import OrderDecided

NO_FIGURES = "ceilings"  # their figures are none that a gate can have seen


class Again(Struct, frozen=True):
    """A decision that was made again.

    decided: the verdict as it comes out now. differs: the fields in which it is another one than then; empty when it is
    the same to the last bit.
    """

    decided: OrderDecided
    differs: tuple[str, ...]


def decide_again(evidence: Evidence) -> Again:
    """The verdict by the rules as they are now.

    Where the journal leaves open what the gate saw (whether the mark of a sale was fresh), what fits is taken.
    """
    first: Again | None = None
    try:
        for state in sights_of(evidence):
            [made] = Gate(state, 1).propose(evidence.order())
            assert isinstance(made, OrderDecided)
            again = Again(made, differences(made, evidence.decided))
            if not again.differs:
                return again
            first = first or again
    except (ArithmeticError, ValueError):  # somebody has changed them
        return Again(evidence.decided, (NO_FIGURES,))
    assert first is not None
    return first


def differences(made: OrderDecided, then: OrderDecided) -> tuple[str, ...]:
    """The fields in which two verdicts differ; of ceilings, the rules."""
    names = (name for name in then.__struct_fields__ if name != "ceilings")
    fields = [name for name in names if getattr(made, name) != getattr(then, name)]
    rules = {each.rule: each for each in then.ceilings}
    fields += [each.rule for each in made.ceilings if rules.pop(each.rule, None) != each]
    return (*fields, *rules)
