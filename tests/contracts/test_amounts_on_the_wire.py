"""Which amounts are taken in: no text that Python takes for a number does harm behind the reader."""

from decimal import Decimal

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.codec import UnreadableError, decode, encode
from shared.domain.numbers import round_down, round_up, round_usdt, to_decimal
from shared.messages.base import Message
from shared.messages.orders import OrderProposed
from tests.domain.risk.risk_harness import RiskHarness
from tests.examples import examples
from tests.samples import bar, proposal

NUMBERS = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.floats().map(repr),
    st.text("0123456789.eE+-_ ", max_size=40),
    st.sampled_from(
        ["1E+400", "1E+5000", "-1E+400", "1E-400", "1E+999999999", "9" * 60_000, "0E-99", "9.9E+17", "1E-28"]
    ),
)


def changed(message: Message, **fields: object) -> bytes:
    plain = msgpack.unpackb(encode(message))
    body: bytes = msgpack.packb(plain | fields)
    return body


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("1E+400", "amounts are from 1E-28 to below 1E18, got one of 1E400"),
        ("1E+5000", "amounts are from 1E-28 to below 1E18, got one of 1E5000"),
        ("-1E+999999999", "amounts are from"),
        ("1E18", "amounts are from"),
        ("1E-29", "amounts are from"),
        ("0E-1000", "amounts are from"),
        ("0." + "9" * 29, "amounts have at most 28 digits"),
        ("9" * 60_000, "amounts are from"),
        ("1_000", "expected a decimal string"),
        (" 1 ", "expected a decimal string"),
        ("\u0661", "expected a decimal string"),
        ("NaN", "not a finite number"),
        ("-Infinity", "not a finite number"),
        (0.5, "expected a decimal string"),
    ],
)
def test_an_amount_that_cannot_be_booked_is_refused_with_its_field(given: object, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason.replace("(", r"\(")) as caught:
        decode(changed(proposal(), limit_price=given))
    assert caught.value.field == "$.limit_price"
    assert len(caught.value.reason) < 200


@pytest.mark.parametrize(
    "given", ["1E+3", "1e-8", "0E-8", "-0", "999999999999999999", "0.0000000000000000000000000001"]
)
def test_amounts_as_any_client_writes_them_are_taken(given: str) -> None:
    message = decode(changed(proposal(), quantity=given))
    assert isinstance(message, OrderProposed)
    assert message.quantity == Decimal(given)


def test_an_estimate_out_of_all_bounds_is_refused() -> None:
    with pytest.raises(UnreadableError, match="out of all bounds"):
        decode(changed(bar(), quote_volume=1e300))


@examples(300)
@given(
    quantity=NUMBERS,
    limit_price=st.none() | NUMBERS,
    stop_price=st.none() | NUMBERS,
    side=st.sampled_from(["buy", "sell"]),
    order_type=st.sampled_from(["limit", "market"]),
    expires_ns=st.sampled_from([0, 1, 2**63 - 1]),
    held=st.booleans(),
)
def test_whatever_is_taken_in_gets_a_decision_that_everybody_can_read(*, held: bool, **fields: object) -> None:
    try:
        order = decode(changed(proposal("fuzzed"), **fields))
    except UnreadableError as error:
        assert len(error.field) <= 256
        assert len(error.reason) <= 1024
        return
    harness = RiskHarness()
    if held:
        harness.fill(harness.buy("BTC/USDT", "0.02"))
    [decided] = harness.handle(order)
    assert decode(encode(decided)) == decided


@examples(300)
@given(
    st.decimals(0, 10**17, allow_nan=False).filter(lambda value: len(value.as_tuple().digits) <= 28),
    st.sampled_from(["1", "0.1", "0.00001", "0.00025", "0.003", "1E-8", "7"]),
)
def test_rounding_never_lands_on_the_wrong_side(value: Decimal, step: str) -> None:
    down, up = round_down(value, Decimal(step)), round_up(value, Decimal(step))
    assert down <= value <= up
    assert up - down <= Decimal(step)


@given(st.floats(0, 1e308))
def test_an_estimate_of_any_size_becomes_an_amount_that_is_not_above_it(value: float) -> None:
    assert to_decimal(value) <= Decimal(repr(value))


def test_a_product_of_large_amounts_is_booked_to_eight_places() -> None:
    assert round_usdt(Decimal("1E+17") * Decimal("20510.25")) == Decimal("2051025000000000000000.00000000")
