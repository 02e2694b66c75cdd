"""Which amounts are taken in: no text that Python takes for a number does harm behind the reader."""

import json
from decimal import Decimal
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.codec import UnreadableError, decode, encode
from shared.adapters.plain_amounts import json_bytes
from shared.domain.numbers import round_down, round_up, round_usdt, to_decimal
from shared.messages.base import Message
from shared.messages.orders import OrderProposed
from tests.domain.risk.risk_harness import RiskHarness
from tests.examples import examples
from tests.samples import bar, proposal, samples

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


# --- how amounts are written ------------------------------------------------------------------------------------------

AMOUNTS = st.builds(
    lambda digits, places: Decimal((0, tuple(map(int, str(digits))), -places)),
    st.integers(0, 10**17),
    st.integers(0, 28),
) | st.builds(lambda digits, zeros: Decimal((0, (digits,), zeros)), st.integers(0, 9), st.integers(0, 17))


def with_amounts(value: Any, amount: Decimal) -> Any:
    """The value with ``amount`` in place of every amount in it, however deep."""
    if isinstance(value, Decimal):
        return amount
    if isinstance(value, tuple):
        return tuple(with_amounts(item, amount) for item in value)
    if isinstance(value, msgspec.Struct):
        changes = {name: with_amounts(getattr(value, name), amount) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **changes)
    return value


def amounts_in(written: Any, kept: Any) -> list[str]:
    """The amounts of a message as they were written, found by where the message has them."""
    if isinstance(kept, Decimal):
        return [written]
    if isinstance(kept, msgspec.Struct):
        return [text for name in kept.__struct_fields__ for text in amounts_in(written[name], getattr(kept, name))]
    if isinstance(kept, tuple):
        return [text for each, one in zip(written, kept, strict=True) for text in amounts_in(each, one)]
    return []


@pytest.mark.parametrize("text", ["0.00000001", "0.0000012", "1000", "0.00000000", "1.50", "-0.0000001"])
def test_an_amount_is_written_in_plain_decimals_with_the_digits_that_it_has(text: str) -> None:
    order = proposal(quantity=Decimal(text).normalize() if text == "1000" else Decimal(text))
    assert msgpack.unpackb(encode(order))["quantity"] == text
    assert json.loads(json_bytes(order))["quantity"] == text
    assert json.loads(json_bytes({"orders": [order], "id": "E-1"}))["orders"][0]["quantity"] == text


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("text", ["1E-8", "0E-8", "1E+3", "-1.5E-7"])
def test_no_amount_of_any_message_is_written_with_an_exponent(message: Message, text: str) -> None:
    changed_message = with_amounts(message, Decimal(text))
    written = msgpack.unpackb(encode(changed_message))
    assert [amount for amount in amounts_in(written, changed_message) if "E" in amount] == []
    assert decode(encode(changed_message), [type(message)]) == changed_message
    assert not any("E" in amount for amount in amounts_in(json.loads(json_bytes(changed_message)), changed_message))


@examples(200)
@given(AMOUNTS)
def test_an_amount_of_any_size_comes_back_as_it_was(amount: Decimal) -> None:
    written = encode(proposal(quantity=amount))
    assert "E" not in msgpack.unpackb(written)["quantity"]
    read = decode(written)
    assert isinstance(read, OrderProposed)
    assert read.quantity == amount


def test_what_earlier_versions_stored_with_an_exponent_is_still_read() -> None:
    earlier = msgspec.msgpack.encode(proposal(quantity=Decimal("1E-8")))
    assert b"1E-8" in earlier
    assert decode(earlier) == proposal(quantity=Decimal("0.00000001"))
