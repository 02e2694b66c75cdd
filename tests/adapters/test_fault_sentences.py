"""Who sent what cannot be read is told the field, what was given, and what may stand there."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import UnreadableError, decode, encode
from shared.messages.base import Message
from shared.messages.catalogue import PROPOSED
from shared.messages.orders import CancelProposed
from shared.messages.signals import SignalRaised
from tests.samples import T0, proposal, samples


def refusal(message: Message, without: str = "", **changes: Any) -> tuple[str, str]:
    plain = {name: value for name, value in msgpack.unpackb(encode(message)).items() if name != without} | changes
    with pytest.raises(UnreadableError) as caught:
        decode(msgpack.packb(plain), PROPOSED.messages if isinstance(message, type(proposal())) else ())
    return caught.value.field, caught.value.reason


SIGNAL = SignalRaised(id="s-1", time_ns=T0, strategy="mine", symbol="BTC/USDT", strength=1.0)


def test_a_missing_field_is_the_field_that_is_named() -> None:
    assert refusal(proposal(), "side") == ("$.side", "it is missing and required")
    cancel = CancelProposed(id="c-1", time_ns=0, order_id="o-1")
    assert refusal(cancel, "order_id") == ("$.order_id", "it is missing and required")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("qty", "quantity"), ("Quantity", "quantity"), ("symbl", "symbol"), ("timeNs", "time_ns"), ("sid", "side")],
)
def test_a_field_under_a_name_that_is_none_is_asked_about(written: str, meant: str) -> None:
    field, reason = refusal(proposal(), meant, **{written: "x"})
    assert field == f"$.{meant}"
    assert reason.endswith(f"; {written!r} is no field of OrderProposed, did you mean {meant!r}?")


def test_a_name_that_is_none_is_told_where_it_is_like_nothing_that_is_missing() -> None:
    assert refusal(proposal(), "quantity", volume="1")[1].endswith("; 'volume' is no field of OrderProposed")


def test_a_message_without_type_or_of_another_hears_which_belong_there() -> None:
    assert refusal(proposal(), "type")[1].endswith("it is one of 'OrderProposed', 'StopRaised', 'CancelProposed'")
    assert refusal(proposal(), type="OrderPropsed")[1].endswith("did you mean 'OrderProposed'?")
    assert refusal(proposal(), type="x")[1].endswith("it is one of 'OrderProposed', 'StopRaised', 'CancelProposed'")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ETHUSDT", "ETH/USDT"), ("eth/usdt", "ETH/USDT"), ("eth-btc", "ETH/BTC"), ("1000SATS_USDT", "1000SATS/USDT")],
)
def test_a_pair_as_others_write_it_is_written_as_heatsink_does(written: str, meant: str) -> None:
    assert refusal(proposal(), symbol=written) == ("$.symbol", f"{written!r} is not of the form; write it as {meant}")


def test_what_is_not_one_of_the_choices_hears_them() -> None:
    assert refusal(proposal(), side="long") == ("$.side", "Invalid enum value 'long'; it is one of 'buy', 'sell'")
    assert refusal(proposal(), order_type="stop")[1].endswith("it is one of 'limit', 'market'")


def test_a_number_out_of_range_hears_the_range() -> None:
    assert refusal(SIGNAL, strength=7.5) == ("$.strength", "7.5 is out of range; it must be at most 1")
    assert refusal(SIGNAL, strength=-1) == ("$.strength", "-1 is out of range; it must be at least 0")


@given(
    st.sampled_from(samples()),
    st.data(),
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=50) | st.binary()
    | st.lists(st.integers(0, 9), max_size=2) | st.dictionaries(st.text(), st.none(), max_size=2),
)  # fmt: skip
def test_whatever_stands_in_a_field_its_own_name_is_told_and_no_pattern(
    message: Message, data: st.DataObject, value: object
) -> None:
    name = data.draw(st.sampled_from([field.encode_name for field in structs.fields(type(message))]))
    try:
        decode(msgpack.packb(msgpack.unpackb(encode(message)) | {name: value}))
    except UnreadableError as error:
        assert error.field.startswith(f"$.{name}")
        assert "regex" not in error.reason
        assert len(error.reason) < 400
