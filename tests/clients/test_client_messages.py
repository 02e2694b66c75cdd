"""What the client libraries know of the wire is what the catalogue says, and both read what the other writes."""

from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import heatsink_client.messages as of_client
import msgpack
import pytest
from heatsink_client import wire
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from shared.adapters.codec import decode, encode
from shared.messages.base import Message
from shared.runtime.client_messages.__main__ import written
from tests.examples import examples
from tests.samples import samples

FILES = written()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_messages_of_the_clients_are_those_of_the_catalogue(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path], "run `make client-messages`"


def plain(value: Any) -> Any:
    """A message of either side as plain data."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_the_python_client_reads_what_services_write(message: Message) -> None:
    read = wire.unpack(encode(message))
    assert type(read).__name__ == type(message).__name__
    assert plain(read) == plain(message)


@given(
    st.decimals(min_value=Decimal("1e-20"), max_value=Decimal("1e17"), places=8).filter(bool),
    st.booleans(),
    st.integers(0, 2**63 - 1),
)
@examples(100)
def test_services_read_what_the_python_client_writes(quantity: Decimal, reduce_only: bool, time_ns: int) -> None:
    order = of_client.OrderProposed(
        id="mine-1", time_ns=time_ns, symbol="ETH/USDT", side="buy", quantity=quantity, reduce_only=reduce_only
    )
    assert plain(decode(wire.pack(order))) == plain(order)


def test_fields_and_types_that_are_newer_than_the_client_are_passed_over() -> None:
    body = {"type": "FeedLost", "id": "f-1", "time_ns": 1, "feed": "marks", "added_later": {"a": [1]}, "symbol": None}
    read = wire.unpack(msgpack.packb(body))
    assert read == of_client.FeedLost(id="f-1", time_ns=1, feed="marks")
    assert wire.unpack(msgpack.packb(body | {"type": "AddedLater"})) is None


@given(st.binary(max_size=200))
@examples(300)
def test_bytes_that_are_no_message_are_read_as_none(body: bytes) -> None:
    assert wire.unpack(body) is None


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-8, max_value=1e15))
@examples(300)
def test_a_float_is_taken_by_its_shortest_text_and_written_without_an_exponent(given_amount: float) -> None:
    value = wire.amount("quantity", given_amount)
    assert float(value) == given_amount
    order = of_client.OrderProposed(id="a", time_ns=0, symbol="A/USDT", side="buy", quantity=value)
    assert "E" not in msgpack.unpackb(wire.pack(order))["quantity"]


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), "much", None, True, Decimal("NaN"), [1]])
def test_what_is_no_amount_is_named_with_its_field(odd: Any) -> None:
    with pytest.raises(wire.UnwritableError, match=r"quantity: .* is no amount"):
        wire.amount("quantity", odd)
