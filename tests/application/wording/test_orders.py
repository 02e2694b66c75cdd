"""The report of an order as a paragraph."""

from shared.application.wording.formats import clock
from shared.messages.orders import OrderClosed
from shared.messages.reports import ReportAwaited
from tests.application.wording.report_scenes import harness_with, report_text, why
from tests.samples import T0, D, decision, fill, header


def test_the_paragraph_names_policy_and_phase() -> None:
    assert "It was held to the limits of policy a1b2c3d4e5f6, in phase live." in report_text(decision(phase="live"))
    assert "of policy a1b2c3d4e5f6." in report_text(decision())


def test_a_sell_says_that_it_always_passes_and_dust_that_the_exchange_would_refuse_it() -> None:
    harness = harness_with()
    harness.fill(harness.buy("ETH/USDT", "1"))
    assert "was approved whole: 0.5 ETH (what reduces risk always passes)." in report_text(
        harness.sell("ETH/USDT", "0.5")
    )
    told = report_text(harness.sell("ETH/USDT", "0.001"))
    assert "dust: 0.001, worth 1.5 USDT, is below the exchange's minimum of 5 USDT (NOTIONAL)" in told
    assert "more than is held" not in told
    over = harness.sell("ETH/USDT", "9")
    assert "ETH/USDT held" in why(over)


def test_a_rejection_reserves_nothing_and_went_nowhere() -> None:
    harness = harness_with(drawdown=0.001)
    told = report_text(harness.buy("ETH/USDT", "1", stop=2_000))
    assert "reserves" not in told
    assert told.endswith("Nothing of it went to the exchange.")


def closed(ending: str, filled: str, reason: str = "") -> OrderClosed:
    return OrderClosed(
        **header("c"),
        order_id="o-1",
        symbol="BTC/USDT",
        ending=ending,
        quantity_filled=D(filled),
        reason=reason,  # type: ignore[arg-type]
    )


def test_what_became_of_an_order_ends_its_report_text() -> None:
    part = fill(quantity=D("0.1"), price=D(20_500), fee_usdt=D("2.05"))
    rest = fill(trade="t-2", quantity=D("0.21"), price=D(20_600), fee_usdt=D("4.326"))
    assert report_text(decision()).endswith("Nothing was heard of it from execution yet.")
    assert report_text(decision(), after=(part,)).endswith(
        "So far 0.1 of 0.31 BTC is filled at 20,500, 0.00 % below the mark, fees $2.05; the rest works at the exchange."
    )
    assert report_text(decision(), after=(part, rest, closed("filled", "0.31"))).endswith(
        "It was filled at 20,567.7 on average of 2 trades, 0.33 % above the mark, fees $6.38."
    )
    assert report_text(decision(), after=(part, closed("cancelled", "0.1", "halted"))).endswith(
        "It was cancelled (halted) after 0.1 of 0.31 BTC at 20,500, 0.00 % below the mark, fees $2.05."
    )
    assert report_text(decision(), after=(closed("rejected", "0", "no money"),)).endswith(
        "It was refused by the exchange (no money); nothing of it was filled."
    )
    assert "were reserved until it was finished" in report_text(decision(), after=(closed("expired", "0"),))


def awaited(**changes: object) -> ReportAwaited:
    fields: dict[str, object] = {
        "order_id": "o-1", "symbol": "BTC/USDT", "client": "ana", "what": "order", "due_ns": T0, "quantity": D("0.31"),
    }  # fmt: skip
    return ReportAwaited(**header("w"), **(fields | changes))  # type: ignore[arg-type]


def test_a_report_that_its_client_owes_is_told_and_how_the_gate_opens_again() -> None:
    due, late = awaited(), awaited(overdue=True)
    assert report_text(decision(), after=(due,)).endswith(
        f"It is its client's to execute. Client ana reports what became of it by {clock(T0)}."
    )
    owed = (
        f"Client ana has not reported what became of it, which was due at {clock(T0)}, and buys nothing until it does; "
        "or have it written off (heatsink write-off-order o-1)."
    )
    assert report_text(decision(), after=(due, late)).endswith(f"It is its client's to execute. {owed}")
    part = fill(quantity=D("0.1"), price=D(20_500), fee_usdt=D("2.05"))
    rest = awaited(what="end", overdue=True)
    told = report_text(decision(), after=(due, part, rest))
    assert "So far 0.1 of 0.31 BTC is filled" in told
    assert "Client ana has not reported how it ended" in told


def test_what_its_client_has_reported_is_owed_no_more() -> None:
    ended = closed("cancelled", "0", "halted")
    told = report_text(decision(), after=(awaited(), awaited(overdue=True), ended))
    assert told.endswith("It was cancelled (halted); nothing of it was filled.")
