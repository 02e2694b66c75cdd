"""Limits in words, such as ``6 % heat``."""

import msgspec
from msgspec import structs

from shared.domain.plan import Limits
from shared.domain.words import figure

NAMED = 6  # limits named in one sentence
_LABELS = {
    "equity_at_risk": "at risk a trade",
    "pair_cap_nav": "of NAV a pair",
    "pair_cap_adv": "of ADV a pair",
    "sector_cap_nav": "of NAV a sector",
    "max_order_usdt": "an order",
    "spread_multiple": "times the median spread",
}


def limit_words(limits: Limits, name: str) -> str:
    """``6 % heat``, ``$10,000 an order``, ``20 max open orders``."""
    value = getattr(limits, name)
    label = name
    kind = next(field.type for field in structs.fields(Limits) if field.name == name)
    info = msgspec.inspect.type_info(kind)
    if name.endswith("_usdt"):
        amount, label = f"${value:,.0f}", name.removesuffix("_usdt")
    elif name.endswith("_seconds"):
        amount, label = f"{figure(value)} s", name.removesuffix("_seconds")
    elif isinstance(info, msgspec.inspect.FloatType) and (info.le == 1 or (0 < value < 1)):
        amount = f"{figure(value * 100)} %"
    else:
        amount = figure(value) if isinstance(value, float) else str(value)
    return f"{amount} {_LABELS.get(name, label.replace('_', ' '))}"


def differing(limits: Limits, others: Limits) -> str:
    """The limits that are not what they are in ``others``, in words; empty when all are the same."""
    names = [name for name in Limits.__struct_fields__ if getattr(limits, name) != getattr(others, name)]
    words = [limit_words(limits, name) for name in names[:NAMED]]
    if len(names) > NAMED:
        words.append(f"{len(names) - NAMED} more")
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
