"""What other processes rely on: golden bytes of every message, and strict reading."""

import math
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import get_args

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import UnreadableError, decode, encode
from shared.messages.base import Message, MessageId, OrderId, PortfolioName, PortfolioOrEmpty, Symbol, Timeframe
from shared.messages.catalogue import CATALOGUE, MAX_SNAPSHOT_BYTES, TOPIC_OF, topic_of_key
from shared.messages.keys import Keys
from shared.messages.orders import OrderProposed
from tests.keys import MAIN
from tests.samples import bar, decision, proposal, samples

GOLDEN = Path(__file__).with_name("golden.txt")
EARLIER = Path(__file__).with_name("earlier.txt")  # as they were before fields were added


def rows(path: Path) -> list[tuple[str, bytes]]:
    """Names of messages and their bytes."""
    parts = (line.split() for line in path.read_text().splitlines() if line)
    return [(name, bytes.fromhex(body)) for name, body in parts]


def golden() -> dict[str, bytes]:
    return dict(rows(GOLDEN))


def test_every_message_of_the_catalogue_has_a_sample_and_golden_bytes() -> None:
    kinds = {kind.__name__ for topic in CATALOGUE for kind in topic.messages}
    assert {type(sample).__name__ for sample in samples()} == kinds
    new = [sample for sample in samples() if type(sample).__name__ not in golden()]
    assert not new, "\n".join(["add to golden.txt:", *(f"{type(each).__name__} {encode(each).hex()}" for each in new)])
    assert set(golden()) == kinds


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_a_message_keeps_its_golden_bytes(message: Message) -> None:
    assert encode(message) == golden()[type(message).__name__]
    assert decode(golden()[type(message).__name__]) == message


@pytest.mark.parametrize(("name", "body"), rows(EARLIER), ids=lambda value: value if isinstance(value, str) else "")
def test_bytes_from_before_fields_were_added_still_mean_the_same(name: str, body: bytes) -> None:
    [sample] = [sample for sample in samples() if type(sample).__name__ == name]
    assert body != golden()[name]
    assert decode(body) == sample


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_a_generic_decoder_reads_a_plain_map_with_the_type_inside(message: Message) -> None:
    plain = msgpack.unpackb(encode(message))
    assert plain["type"] == type(message).__name__
    assert plain["id"] == message.id
    assert plain["v"] == 1
    assert {"cause", "trace", "time_ns"} <= set(plain)


def test_quantities_travel_as_decimal_strings() -> None:
    assert msgpack.unpackb(encode(proposal(quantity=Decimal("0.10"))))["quantity"] == "0.10"


def changed(message: Message, **fields: object) -> bytes:
    plain = msgpack.unpackb(encode(message))
    for name, value in fields.items():
        if value is ...:
            del plain[name]
        else:
            plain[name] = value
    packed: bytes = msgpack.packb(plain)
    return packed


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (b"", "$", "not MessagePack"),
        (b"\xc1", "$", "not MessagePack"),
        (b"\x81\xa4type", "$", "not MessagePack"),
        (msgpack.packb([1, 2]), "$", "Expected `object`"),
        (changed(proposal(), type="OrderMade"), "$.type", "Invalid value"),
        (changed(proposal(), type=...), "$.type", "missing and required"),
        (changed(proposal(), symbol=...), "$.symbol", "missing and required"),
        (changed(proposal(), symbol="BTCUSDT"), "$.symbol", "write it as BTC/USDT"),
        (changed(proposal(), side="hold"), "$.side", "Invalid enum value 'hold'; it is one of 'buy', 'sell'"),
        (changed(proposal(), quantity="lots"), "$.quantity", "decimal"),
        (changed(proposal(), quantity=[1]), "$.quantity", "decimal"),
        (changed(proposal(), quantity=0.1), "$.quantity", "decimal string"),
        (changed(proposal(), limit_price=3), "$.limit_price", "decimal string"),
        (changed(proposal(), quantity="NaN"), "$.quantity", "finite"),
        (changed(proposal(), quantity="-Infinity"), "$.quantity", "finite"),
        (changed(proposal(), limit_price="sNaN"), "$.limit_price", "finite"),
        (changed(proposal(), symbol=None), "$.symbol", "got nil; it is required"),
        (changed(proposal(), type=None), "$.type", "got nil; it is required"),
        (changed(proposal(), symbol=None, expires_ns=None), "$.symbol", "it is required"),
        (b'{"type": "OrderProposed", "id": "o-1"}', "$", "this is JSON; write it as MessagePack"),
        (changed(proposal(), id="x" * 37), "$.id", "36"),
        (changed(proposal(), id="a b"), "$.id", "an order's id is of"),
        (changed(proposal(), strategy="x" * 65), "$.strategy", "64"),
        (changed(proposal(), time_ns=-1), "$.time_ns", "-1 is out of range; it must be at least 0"),
        (changed(proposal(), time_ns="now"), "$.time_ns", "int"),
        (changed(bar(), close=math.nan), "$.close", "must be above 0"),
        (changed(bar(), high=math.inf), "$.high", "finite"),
        (changed(bar(), close=0), "$.close", "must be above 0"),
        (changed(decision(), nav=math.inf), "$.nav", "finite"),
        (changed(decision(), heat_after=math.nan), "$.heat_after", "finite"),
        (b"\xc6" + (MAX_SNAPSHOT_BYTES).to_bytes(4) + bytes(MAX_SNAPSHOT_BYTES), "$", "at most"),
    ],
)
def test_what_is_no_message_is_refused_with_field_and_reason(body: bytes, field: str, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        decode(body)
    assert caught.value.field == field
    assert reason in caught.value.reason


def test_nested_numbers_are_checked_too() -> None:
    plain = msgpack.unpackb(encode(decision()))
    plain["ceilings"][0]["headroom"] = math.nan
    with pytest.raises(UnreadableError, match="finite") as caught:
        decode(msgpack.packb(plain))
    assert caught.value.field == "$.ceilings[0].headroom"


def test_a_message_of_another_topic_is_refused_where_it_does_not_belong() -> None:
    with pytest.raises(UnreadableError, match="does not belong here"):
        decode(encode(bar()), [type(proposal())])


def test_a_field_that_a_newer_version_added_is_ignored() -> None:
    assert decode(changed(proposal(), colour="red")) == proposal()


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_nil_for_a_field_that_has_a_default_means_absent(message: Message) -> None:
    plain = msgpack.unpackb(encode(message))
    for field in structs.fields(type(message)):
        given = msgpack.packb(plain | {field.encode_name: None})
        if field.required and NoneType in get_args(field.type):
            assert getattr(decode(given), field.name) is None
        elif field.required:
            with pytest.raises(UnreadableError, match="it is required"):
                decode(given)
        else:
            absent = msgpack.packb({name: value for name, value in plain.items() if name != field.encode_name})
            assert decode(given) == decode(absent)


def test_all_optional_fields_of_a_proposal_may_be_nil_at_once() -> None:
    needed = {field.encode_name for field in structs.fields(OrderProposed) if field.required} | {"type"}
    plain = msgpack.unpackb(encode(proposal()))
    nils = {name: value if name in needed else None for name, value in plain.items()}
    read = decode(msgpack.packb(nils))
    assert read == decode(msgpack.packb({name: plain[name] for name in needed}))
    assert isinstance(read, OrderProposed)
    assert read.expires_ns == 0


def test_what_nil_hides_is_checked_like_everything_else() -> None:
    with pytest.raises(UnreadableError, match="decimal string"):
        decode(changed(proposal(), quantity=0.1, expires_ns=None))
    with pytest.raises(UnreadableError, match="does not belong here"):
        decode(changed(proposal(), expires_ns=None), [type(bar())])


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_else(body: bytes) -> None:
    try:
        decode(body)
    except UnreadableError as error:
        assert error.field.startswith("$")
        assert error.reason


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_message_with_one_byte_changed_is_read_or_refused(position: int, value: int) -> None:
    body = bytearray(encode(decision()))
    body[position % len(body)] = value
    try:
        assert isinstance(decode(bytes(body)), Message)
    except UnreadableError as error:
        assert error.reason


TEXTS = {
    "mine-1": (MessageId, OrderId, PortfolioName, PortfolioOrEmpty),
    "BTC/USDT": (Symbol,),
    "15m": (Timeframe,),
}


@pytest.mark.parametrize(("text", "kind"), [(text, kind) for text, kinds in TEXTS.items() for kind in kinds])
def test_a_line_feed_at_its_end_makes_an_id_none(text: str, kind: type[str]) -> None:
    assert msgspec.convert(text, kind) == text
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(f"{text}\n", kind)


def test_a_message_whose_id_ends_in_a_line_feed_is_refused() -> None:
    with pytest.raises(UnreadableError, match="id"):
        decode(encode(proposal()).replace(b"\xa2id\xa3o-1", b"\xa2id\xa4o-1\n"))


def test_every_stream_key_leads_back_to_its_topic() -> None:
    for message in samples():
        topic = topic_of_key(Keys("desk-2").of_message(message))
        assert topic is TOPIC_OF[type(message)]
    assert topic_of_key("hs:{main}:journal:risk") is None


def test_a_topic_of_bars_needs_its_timeframe() -> None:
    with pytest.raises(ValueError, match="timeframe"):
        MAIN.of(TOPIC_OF[type(bar())])
