"""``heatsink why``: one verdict, explained, or why there is none."""

import asyncio

from msgspec import structs

from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import ProposalRefused
from shared.messages.reports import ReportAwaited
from tests.cli.verbs.sample_server import Heatsink, publish
from tests.samples import decision, proposal, samples


def test_why_explains_a_trim_in_one_paragraph_and_lists_the_ceilings(heatsink: Heatsink) -> None:
    text = " ".join(heatsink("why", "o-1").stdout.split())
    assert "was trimmed from 0.5 to 0.31 BTC: sector Majors has $6,355 of $50,000 left." in text
    assert "Heat went from 3.10 % to 3.26 % of NAV $200,000" in text
    assert "> sector_cap 0.31 BTC = $6,355 $50,000 $43,645 $6,355" in text
    assert "filled buy 0.31 BTC/USDT at 20,510.2" in text


def test_why_finds_an_order_by_the_beginning_of_its_id(valkey_server: str, heatsink: Heatsink) -> None:
    asyncio.run(publish(valkey_server, [decision("o-abc123"), decision("o-abd999", seq=8)]))
    assert "o-abc123" in heatsink("why", "o-abc").stdout
    ambiguous = heatsink("why", "o-ab")
    assert ambiguous.exit_code == 1
    assert "2 orders begin with o-ab: o-abd999, o-abc123. Give more of the id." in ambiguous.stderr


def test_why_of_a_rejection_gives_the_reason_of_the_closed_gate(valkey_server: str, heatsink: Heatsink) -> None:
    reason = "mark of BTC/USDT is stale: 7.0 s old"
    rejected = decision("o-9", verdict="reject", binding="fresh_mark", reason=reason, ceilings=())
    asyncio.run(publish(valkey_server, [rejected]))
    assert f"was rejected (0.5 BTC asked): {reason}." in " ".join(heatsink("why", "o-9").stdout.split())


def test_why_of_an_order_whose_report_is_overdue_says_who_owes_it(valkey_server: str, heatsink: Heatsink) -> None:
    awaited = next(message for message in samples() if isinstance(message, ReportAwaited))
    owed = structs.replace(awaited, order_id="o-mine", what="order", stop_price=None, client="ana")
    late = structs.replace(owed, id="awaited-late", overdue=True)
    asyncio.run(publish(valkey_server, [decision("o-mine", client="ana"), owed, late]))
    text = " ".join(heatsink("why", "o-mine").stdout.split())
    assert "Client ana has not reported what became of it, which was due at" in text
    assert "heatsink write-off-order o-mine" in text
    assert "OVERDUE a report of 0.31 BTC/USDT (o-mine) was due" in text


def test_why_of_an_order_that_is_not_decided_yet_says_so(valkey_server: str, heatsink: Heatsink) -> None:
    asyncio.run(publish(valkey_server, [proposal("o-new")]))
    result = heatsink("why", "o-new")
    assert result.exit_code == 1
    assert "is not decided yet" in result.stderr


def test_why_of_an_order_that_nobody_could_read_points_to_where_it_lies(valkey_server: str, heatsink: Heatsink) -> None:
    refused = next(message for message in samples() if isinstance(message, MessageRefused))
    body = b'{"type":"order_proposed","id":"mine-1","quantity":-1}'
    asyncio.run(publish(valkey_server, [structs.replace(refused, id="r-1", field="$.quantity", body=body)]))
    result = heatsink("why", "mine-1")
    assert result.exit_code == 1
    assert "mine-1 could not be read ($.quantity: " in result.stderr
    assert "heatsink tail dead" in result.stderr


def test_why_of_an_order_that_was_refused_says_why(valkey_server: str, heatsink: Heatsink) -> None:
    refused = next(message for message in samples() if isinstance(message, ProposalRefused))
    asyncio.run(publish(valkey_server, [structs.replace(refused, order_id="mine-2")]))
    result = heatsink("why", "mine-2")
    assert result.exit_code == 1
    assert "mine-2 has no verdict; it was refused at" in result.stderr
    assert "quantity: expected a decimal string" in " ".join(result.stderr.split())


def test_why_of_an_unknown_order_names_the_last_ones(heatsink: Heatsink) -> None:
    result = heatsink("why", "nothing")
    assert result.exit_code == 1
    assert "There is no order nothing. The last ones decided: o-1." in result.stderr
