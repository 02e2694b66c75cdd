"""A short name for the limits in force, so that a decision says what it was held to."""

from hashlib import blake2b

from msgspec import structs

from shared.domain.plan import Plan


def policy_of(plan: Plan) -> str:
    """12 hex digits that change with any limit, cost or scale."""
    parts = [*structs.astuple(plan.limits), *structs.astuple(plan.costs), plan.phase, plan.scale]
    return blake2b("\x1f".join(map(repr, parts)).encode(), digest_size=6).hexdigest()
