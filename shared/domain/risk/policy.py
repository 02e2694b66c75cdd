"""A short name for the limits in force, so that a decision says what it was held to."""

from hashlib import blake2b

from msgspec import structs

from shared.domain.plan import Limits, Plan


def policy_of(limits: Limits, plan: Plan) -> str:
    """12 hex digits that change with any limit or cost."""
    parts = [*structs.astuple(limits), *structs.astuple(plan.costs)]
    return blake2b("\x1f".join(map(repr, parts)).encode(), digest_size=6).hexdigest()
