"""Rounding of money and quantities (Decimal, to the exchange's steps, toward less risk), and ranges in words."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context, Decimal, InvalidOperation

from msgspec.inspect import FloatType, IntType

ZERO, ONE = Decimal(0), Decimal(1)
CENT8 = Decimal("0.00000001")
TRILLIONTH = Decimal("1e-12")
# A quotient that is cut to the usual 28 digits before it is rounded may land on the wrong side of ``value``; and a
# large float with twelve places has more digits than that.
_DOWN = Context(prec=400, rounding=ROUND_DOWN)
_UP = Context(prec=400, rounding=ROUND_UP)


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value``: for quantities, and prices not to exceed."""
    if step <= 0:
        return value
    return _DOWN.multiply(_DOWN.divide(value, step).to_integral_value(rounding=ROUND_DOWN), step)


def round_up(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below ``value``."""
    if step <= 0:
        return value
    return _UP.multiply(_UP.divide(value, step).to_integral_value(rounding=ROUND_UP), step)


def nearest(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of ``step`` next to ``value``; of two that are as near, the lower one."""
    down, up = round_down(value, step), round_up(value, step)
    return down if value - down <= up - value else up


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether ``value`` is a whole number of steps; of a step of 0, everything is."""
    if not step:
        return True
    try:
        return not value % step
    except InvalidOperation:  # more steps than the usual context counts
        return not _DOWN.remainder(value, step)


def product(one: Decimal, other: Decimal) -> Decimal:
    """One times the other with every digit."""
    return _DOWN.multiply(one, other)


def quotient(value: Decimal, divisor: Decimal) -> Decimal:
    """``value / divisor``, cut toward zero after more digits than any amount has."""
    return _DOWN.divide(value, divisor)


def plain(value: Decimal) -> str:
    """The amount as people write it: no exponent, no zeros at the end."""
    text = f"{value:zf}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_decimal(value: float) -> Decimal:
    """An estimate as Decimal, cut (toward zero) after twelve places: never more than the estimate itself."""
    return _DOWN.quantize(Decimal(repr(value)), TRILLIONTH)


def round_usdt(value: Decimal) -> Decimal:
    """An amount of USDT as the ledger keeps it: eight places, half to even."""
    return value.quantize(CENT8, rounding=ROUND_HALF_EVEN, context=_DOWN)


def range_in_words(kind: FloatType | IntType) -> str:
    """The values that a number may have: ``a number above 0 and at most 1``."""
    bounds = (("above", kind.gt), ("of at least", kind.ge), ("below", kind.lt), ("at most", kind.le))
    parts = [f"{word} {plain(Decimal(repr(bound)))}" for word, bound in bounds if bound is not None]
    noun = "a whole number" if isinstance(kind, IntType) else "a number"
    return f"{noun} {' and '.join(parts)}" if parts else noun
