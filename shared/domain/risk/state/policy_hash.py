"""A short name for all that decides, so that a decision says what it was held to."""

from hashlib import blake2b

from msgspec import structs

from shared.domain.plan import Limits, Plan


def policy_of(limits: Limits, plan: Plan) -> str:
    """12 hex digits that change with all that decides: a limit, a cost, a breaker, how ATR, stop and ADV are measured.

    The phase is not among it, for a decision has it in a field of its own.
    """
    sizing = plan.sizing
    parts = [
        *structs.astuple(limits),
        *structs.astuple(plan.costs),
        *structs.astuple(plan.breakers),
        *(sizing.stop_atr, sizing.atr_days, sizing.adv_days),
    ]
    return blake2b("\x1f".join(map(repr, parts)).encode(), digest_size=6).hexdigest()
