"""Clients with names: what each may, its own part of the limits, and that none closes the gate for another."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.domain.answer_budget import BURST
from shared.domain.plan import ClientPlan, Limits
from shared.domain.risk.gate.rules import EVERY_RULE, RULES
from shared.messages.ask import RoomAnswered, RoomAsked
from shared.messages.dead_letter import UnreadableReceived
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    OrderDecided,
    OrderFilled,
    ProposalRefused,
    StopApproved,
    StopRaised,
)
from tests.domain.risk.gate.rule_scenes import BTC, ETH, EXIT, NAV, D, row_of, verdict
from tests.domain.risk.risk_harness import PRICES, RiskHarness, stop_id
from tests.examples import examples
from tests.keys import MAIN
from tests.samples import T0, proposal

RISK_OF_HALF = 0.5 * (2_000 + 20_000 * EXIT)  # USDT, of half a bitcoin with its stop at 18,000
WIDE = Limits(equity_at_risk=0.08, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0)


def with_clients(limits: Limits | None = None, **clients: ClientPlan) -> RiskHarness:
    return RiskHarness(limits=limits or WIDE, clients=clients)


def cancel(order_id: str, client: str) -> CancelProposed:
    return CancelProposed(id=f"cancel-{order_id}", time_ns=0, order_id=order_id, client=client)


def stop(symbol: str, price: str, client: str) -> StopRaised:
    return StopRaised(id=f"raise-{symbol}-{price}", time_ns=0, symbol=symbol, stop_price=D(price), client=client)


# --- what a client may ------------------------------------------------------------------------------------------------

REJECTED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"client": "bob"}, "client bob is not registered: the owner adds [clients.bob] to stack.toml"),
    (
        {"pairs": (ETH, "SOL/USDT")},
        {"client": "ana"},
        "symbol BTC/USDT is none of client ana: use one of these, or add",
    ),
    ({"pairs": (ETH, "SOL/USDT")}, {"client": "ana"}, "clients.ana.pairs in stack.toml (ETH/USDT, SOL/USDT)"),
    ({"strategies": ("trend",)}, {"client": "ana", "strategy": "x"}, "strategy x is none of client ana"),
    (
        {"may": ("signals",)},
        {"client": "ana"},
        'ana may not send orders, only signals: add "orders" to clients.ana.may',
    ),
]


@pytest.mark.parametrize(("bounds", "order", "why"), REJECTED)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_what_is_none_of_a_clients_is_rejected_by_name_a_sale_too(
    bounds: dict[str, Any], order: dict[str, Any], why: str, side: str
) -> None:
    harness = with_clients(ana=ClientPlan(**bounds))
    harness.fill(harness.buy(BTC, "0.1"))
    decided = harness.buy(BTC, "0.1", **order) if side == "buy" else harness.sell(BTC, "0.1", **order)
    assert verdict(decided) == ("reject", D(0), "client_bounds")
    assert decided.code == "not_allowed"
    assert why in decided.reason


def test_within_its_bounds_a_client_trades_and_its_verdict_says_whose_it_is() -> None:
    harness = with_clients(ana=ClientPlan(strategies=("trend",), pairs=(BTC,)))
    bought = harness.buy(BTC, "0.1", client="ana", strategy="trend")
    assert (bought.verdict, bought.client) == ("approve", "ana")
    assert [row.rule for row in bought.ceilings] == [
        rule.__name__ for rule in EVERY_RULE if rule.__name__ != "execution_acknowledged"
    ]
    harness.fill(bought)
    assert harness.sell(BTC, "0.1", client="ana", strategy="trend").verdict == "approve"


def test_what_stands_on_no_clients_queue_is_the_stacks_own_and_has_no_bounds() -> None:
    assert verdict(with_clients(ana=ClientPlan(heat=0.0001)).buy(BTC, "0.1")) == ("approve", D("0.1"), "")


def test_without_registered_clients_nothing_is_asked_of_a_name() -> None:
    decided = RiskHarness().buy(BTC, "0.1", client="anybody")
    assert (decided.verdict, decided.client) == ("approve", "")
    assert [row.rule for row in decided.ceilings] == [rule.__name__ for rule in RULES]


def test_a_client_cancels_its_own_orders_only() -> None:
    harness = with_clients(ana=ClientPlan(), bob=ClientPlan())
    hers, mine = harness.buy(BTC, "0.1", client="ana"), harness.buy(BTC, "0.1")
    for order, whose in ((hers, "client ana"), (mine, "the stack itself")):
        [refused] = harness.handle(cancel(order.order_id, "bob"))
        assert isinstance(refused, ProposalRefused)
        assert (refused.code, refused.field, refused.order_id) == ("not_allowed", "order_id", order.order_id)
        assert f"is an order of {whose}" in refused.reason
    [cancelled] = harness.handle(cancel(hers.order_id, "ana"))
    assert isinstance(cancelled, CancelDecided)
    [refused] = harness.handle(cancel("nobodys", "bob"))
    assert isinstance(refused, ProposalRefused)
    assert refused.code == "unknown_order"


def bounded_later(harness: RiskHarness, **clients: ClientPlan) -> None:
    """The file has its first clients now, and the gate starts again."""
    harness.plan = structs.replace(harness.plan, clients=clients)
    harness.restart()


def test_an_order_from_before_clients_had_bounds_is_cancelled_by_who_sent_it_and_by_no_other() -> None:
    harness = RiskHarness(limits=WIDE)
    hers = harness.buy(BTC, "0.1", client="ana")
    bounded_later(harness, bob=ClientPlan())
    [refused] = harness.handle(cancel(hers.order_id, "bob"))
    assert isinstance(refused, ProposalRefused)
    assert "is an order of client ana" in refused.reason
    [cancelled] = harness.handle(cancel(hers.order_id, "ana"))  # who is not among them: she gets rid of risk
    assert isinstance(cancelled, CancelDecided)


def test_an_order_of_which_nobody_knows_the_sender_is_cancelled_by_who_may_trade_its_pair() -> None:
    harness = RiskHarness(limits=WIDE)
    nobodys = harness.buy(BTC, "0.1")
    bounded_later(harness, ana=ClientPlan(), bob=ClientPlan(pairs=(ETH,)), cy=ClientPlan(may=("orders",)))
    for client, field in (("bob", "symbol"), ("cy", "client"), ("dan", "client")):
        [refused] = harness.handle(cancel(nobodys.order_id, client))
        assert isinstance(refused, ProposalRefused)
        assert (refused.code, refused.field) == ("not_allowed", field)
    [cancelled] = harness.handle(cancel(nobodys.order_id, "ana"))
    assert isinstance(cancelled, CancelDecided)


def test_a_client_raises_stops_in_its_pairs_only() -> None:
    harness = with_clients(ana=ClientPlan(), bob=ClientPlan(pairs=(ETH,)), cy=ClientPlan(may=("orders",)))
    harness.fill(harness.buy(BTC, "0.1", client="ana"))
    for client, field in (("bob", "symbol"), ("cy", "client"), ("dan", "client")):
        [refused] = harness.handle(stop(BTC, "19500", client))
        assert isinstance(refused, ProposalRefused)
        assert (refused.code, refused.field) == ("not_allowed", field)
    [approved] = harness.handle(stop(BTC, "19500", "ana"))
    assert isinstance(approved, StopApproved)


def test_another_client_under_the_same_id_is_refused_and_learns_whose_it_is() -> None:
    harness = with_clients(ana=ClientPlan(), bob=ClientPlan())
    order = proposal("shared", time_ns=harness.now_ns, client="ana")
    harness.handle(order)
    assert harness.handle(order) == []
    [refused] = harness.handle(structs.replace(order, client="bob"))
    assert isinstance(refused, ProposalRefused)
    assert (refused.code, refused.field) == ("other_body", "client")
    assert "client is bob, but order shared was decided as one with ana" in refused.reason


# --- heat -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "outcome"), [("0.4999", "approve"), ("0.5", "approve"), ("0.5001", "trim"), ("7", "trim")]
)
@pytest.mark.parametrize("filled", [False, True])
def test_a_client_is_trimmed_to_its_own_share_of_heat_which_its_positions_and_orders_use(
    wanted: str, outcome: str, *, filled: bool
) -> None:
    harness = with_clients(ana=ClientPlan(heat=2 * RISK_OF_HALF / NAV), bob=ClientPlan())
    first = harness.buy(BTC, "0.5", stop=18_000, client="ana")
    if filled:
        harness.handle(structs.replace(harness.fill_of(first), fee_usdt=D(0)))
        harness.close(first)
    decided = harness.buy(BTC, wanted, stop=18_000, client="ana")
    expected = D(wanted) if outcome == "approve" else D("0.5")
    assert verdict(decided) == (outcome, expected, "client_heat" if outcome == "trim" else "")
    row = row_of(decided, "client_heat")
    assert row.used == pytest.approx(RISK_OF_HALF)
    assert row.headroom == pytest.approx(row.limit - row.used)


def test_a_client_that_has_used_up_its_heat_closes_the_gate_for_no_other() -> None:
    harness = with_clients(ana=ClientPlan(heat=RISK_OF_HALF / NAV), bob=ClientPlan())
    assert harness.buy(BTC, "0.5", stop=18_000, client="ana").verdict == "approve"
    spent = harness.buy(BTC, "0.5", stop=18_000, client="ana")
    assert verdict(spent) == ("reject", D(0), "client_heat")
    assert "client_heat is used up" in spent.reason
    assert harness.buy(BTC, "0.5", stop=18_000, client="bob").verdict == "approve"


def test_who_names_no_share_has_an_equal_part_of_what_is_left_and_so_has_the_stack_itself() -> None:
    limits = Limits(heat=0.08, orders_per_second=50, max_open_orders=40)
    clients = {"ana": ClientPlan(heat=0.02, open_orders=10), "bob": ClientPlan(), "cy": ClientPlan()}
    shares = RiskHarness(limits=limits, exact=True, clients=clients).machine.state.effective.clients
    assert [shares[name].heat for name in clients] == pytest.approx([0.02, 0.02, 0.02])
    assert [shares[name].orders_per_second for name in clients] == [12, 12, 12]
    assert [shares[name].open_orders for name in clients] == [10, 10, 10]


def test_heat_of_a_client_ends_with_its_position_whoever_sells_it_and_survives_a_restart() -> None:
    harness = with_clients(ana=ClientPlan(heat=RISK_OF_HALF / NAV), bob=ClientPlan())
    harness.fill(harness.buy(BTC, "0.5", stop=18_000, client="ana"))
    harness.restart()
    for symbol, price in PRICES.items():
        harness.mark(f"{symbol}/USDT", price)
    assert harness.buy(BTC, "0.1", stop=18_000, client="ana").binding == "client_heat"
    harness.handle(
        OrderFilled(
            id="stopped", time_ns=harness.now_ns, order_id=stop_id(BTC), trade_id="stopped", symbol=BTC, side="sell",
            quantity=D("0.5"), price=D(18_000), fee_usdt=D(0), stop=True,
        )
    )  # fmt: skip
    assert harness.machine.state.heat.clients == {}
    assert harness.buy(BTC, "0.1", stop=18_000, client="ana").verdict == "approve"


def test_a_sale_takes_the_sellers_own_first_and_the_rest_from_all_alike() -> None:
    harness = with_clients(ana=ClientPlan(), bob=ClientPlan())
    for client, quantity in (("ana", "0.1"), ("bob", "0.2"), ("", "0.1")):
        harness.fill(harness.buy(BTC, quantity, client=client))
    owners = harness.machine.state.owners
    assert owners.parts(BTC) == pytest.approx({"ana": 0.25, "bob": 0.5})
    harness.fill(harness.sell(BTC, "0.1", client="bob"))
    assert owners.parts(BTC) == pytest.approx({"ana": 1 / 3, "bob": 1 / 3})
    harness.fill(harness.sell(BTC, "0.2", client="bob"))
    assert owners.parts(BTC) == pytest.approx({"ana": 0.5})
    harness.fill(harness.sell(BTC, "0.1"))
    assert owners.parts(BTC) == {}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "mark"]), st.sampled_from([BTC, ETH]), st.sampled_from(["", "ana", "bob"]),
        st.integers(1, 50),
    ),
    max_size=40,
)  # fmt: skip


@given(STEPS)
@examples(100)
def test_the_heat_of_clients_is_what_summing_their_parts_gives_and_never_more_than_all(
    steps: list[tuple[str, str, str, int]],
) -> None:
    harness = with_clients(structs.replace(WIDE, heat=1.0), ana=ClientPlan(), bob=ClientPlan())
    for what, symbol, client, number in steps:
        quantity = str(Decimal(number) / 1_000)
        if what == "mark":
            harness.pass_time(1)
            for each in (BTC, ETH):
                harness.mark(each, PRICES[each.partition("/")[0]] * (1 + number / 1_000 if each == symbol else 1))
            continue
        decided = harness.buy(symbol, quantity, client=client) if what == "buy" else harness.sell(symbol, quantity)
        if decided.quantity_approved:
            harness.fill(decided)
    heat = harness.machine.state.heat
    for client in ("ana", "bob"):
        summed = sum(pair.parts.get(client, 0.0) * pair.open_risk for pair in heat.pairs.values())
        assert heat.clients.get(client, 0.0) == pytest.approx(summed, abs=1e-6)
    assert sum(heat.clients.values()) <= heat.open_risk + 1e-6
    assert all(sum(pair.parts.values()) <= 1 + 1e-9 for pair in heat.pairs.values())


def test_parts_follow_a_position_to_its_new_name() -> None:
    harness = with_clients(ana=ClientPlan())
    harness.fill(harness.buy("SOL/USDT", "10", client="ana"))
    owners = harness.machine.state.owners
    owners.renamed("SOL/USDT", "LINK/USDT")
    assert (owners.parts("SOL/USDT"), owners.parts("LINK/USDT")) == ({}, {"ana": 1.0})


# --- floods -----------------------------------------------------------------------------------------------------------


def test_a_flood_of_approvals_closes_the_gate_for_its_own_client_until_the_second_is_over() -> None:
    limits = structs.replace(Limits(), orders_per_second=6, repeats_per_minute=1_000)
    harness = RiskHarness(limits=limits, clients={"ana": ClientPlan(), "bob": ClientPlan(orders_per_second=2)})
    effective = harness.machine.state.effective
    harness.machine.state.use_limits(structs.replace(effective.limits, orders_per_second=6))
    assert [harness.buy(BTC, "0.01", client="bob").verdict for _ in range(2)] == ["approve", "approve"]
    late = harness.buy(BTC, "0.01", client="bob")
    assert verdict(late) == ("reject", D(0), "client_throttle")
    assert "client bob had its 2 approvals of this second: send fewer, or wait" in late.reason
    assert harness.buy(BTC, "0.01", client="ana").verdict == "approve"
    harness.pass_time(1)
    harness.mark(BTC, 20_000)
    assert harness.buy(BTC, "0.01", client="bob").verdict == "approve"


def test_a_client_that_repeats_itself_under_anothers_strategy_throttles_only_itself() -> None:
    limits = Limits(repeats_per_minute=2, book_age_seconds=0.0)
    harness = RiskHarness(limits=limits, exact=True, clients={"ana": ClientPlan(), "bob": ClientPlan()})
    for _ in range(2):
        assert harness.buy(BTC, "0.001", client="bob", strategy="trend").verdict == "approve"
    assert harness.buy(BTC, "0.001", client="bob", strategy="trend").binding == "throttle"
    assert harness.buy(BTC, "0.001", client="ana", strategy="trend").verdict == "approve"


def test_open_orders_of_one_client_leave_room_for_those_of_another() -> None:
    harness = with_clients(ana=ClientPlan(open_orders=2), bob=ClientPlan())
    orders = [harness.buy(BTC, "0.01", client="ana") for _ in range(3)]
    assert [each.verdict for each in orders] == ["approve", "approve", "reject"]
    assert (orders[2].binding, orders[2].reason) == ("client_open_orders", "too many orders of client ana are open")
    assert harness.buy(BTC, "0.01", client="bob").verdict == "approve"
    harness.close(orders[0], "cancelled")
    assert harness.buy(BTC, "0.01", client="ana").verdict == "approve"


def test_a_client_whose_nonsense_is_not_answered_any_more_silences_no_other() -> None:
    harness = with_clients(ana=ClientPlan(), bob=ClientPlan())

    def answers(client: str, number: int) -> int:
        nonsense = UnreadableReceived(
            id=f"u-{client}-{number}", time_ns=T0, topic="proposed", source=MAIN.of_client(client), entry="1-0",
            field="$", reason="no message", parts={"id": "x"},
        )  # fmt: skip
        return len(harness.handle(nonsense)) + len(harness.handle(cancel(f"gone-{number}", client)))

    assert sum(answers("bob", number) for number in range(BURST)) == BURST
    assert answers("bob", BURST) == 0
    assert answers("ana", 0) == 2


# --- room -------------------------------------------------------------------------------------------------------------


def test_room_is_that_of_the_client_that_asks() -> None:
    harness = with_clients(ana=ClientPlan(heat=RISK_OF_HALF / NAV, pairs=(BTC,)), bob=ClientPlan())

    def room(symbol: str, client: str) -> tuple[Decimal, str]:
        below = D(18_000) if symbol == BTC else D(1_400)
        asked = RoomAsked(id="q", time_ns=0, reply_to="hs:reply:q", symbol=symbol, stop_price=below, client=client)
        [answered] = harness.handle(asked)
        assert isinstance(answered, RoomAnswered)
        return answered.rooms[0].quantity, answered.rooms[0].binding

    assert room(BTC, "ana") == (D("0.5"), "client_heat")
    assert room(BTC, "")[0] > D("0.5")
    assert room(ETH, "ana") == (D(0), "client_bounds")
    assert room(BTC, "nobody") == (D(0), "client_bounds")


def test_bounds_are_part_of_the_policy() -> None:
    policies = {
        RiskHarness(clients=clients).machine.state.effective.policy
        for clients in ({}, {"ana": ClientPlan()}, {"ana": ClientPlan(heat=0.01)}, {"bob": ClientPlan()})
    }
    assert len(policies) == 4


def test_a_reservation_of_before_bounds_belongs_to_nobody() -> None:
    harness = RiskHarness()
    decided: OrderDecided = harness.buy(BTC, "0.1", client="ana")
    order = harness.machine.state.reservations.get(decided.order_id)
    assert order is not None
    assert order.owner == ""
