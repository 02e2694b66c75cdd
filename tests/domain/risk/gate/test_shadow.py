"""Shadow limits: evaluated beside the live ones, counted, never acting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import decode, encode
from shared.domain.plan import Limits
from shared.domain.risk.gate.shadow import SHADOW, ShadowCounts
from shared.domain.risk.state.effective_limits import policy_of
from shared.domain.risk.state.limit_words import differing, limit_words
from shared.messages.ask import ShadowAsked, ShadowCounted
from shared.messages.catalogue import ANSWERS
from shared.messages.orders import OrderDecided, ProposalRefused
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, RiskHarness, relaxed
from tests.examples import examples
from tests.samples import T0, D, proposal

LIVE = relaxed(Limits(heat=0.08, equity_at_risk=0.01, pair_cap_nav=0.25, sector_cap_nav=0.25))


def harness_with(shadow: Limits | None, live: Limits = LIVE) -> RiskHarness:
    """A harness whose machine was built with shadow limits."""
    return RiskHarness(limits=live, exact=True, shadow=shadow)


def changed(**limits: float) -> Limits:
    return structs.replace(LIVE, **limits)


def counted(harness: RiskHarness) -> ShadowCounted:
    [answer] = harness.handle(ShadowAsked(id="ask-1", time_ns=T0, reply_to="hs:reply:1"))
    assert isinstance(answer, ShadowCounted)
    return answer


def counts(harness: RiskHarness) -> tuple[int, int, int, int]:
    answer = counted(harness)
    return answer.decisions, answer.would_trim, answer.would_reject, answer.would_allow_more


def trade(harness: RiskHarness) -> list[OrderDecided]:
    """A day's orders: buys that pass and one that is trimmed, a sell."""
    made = [
        harness.buy(symbol, quantity) for symbol, quantity in (("BTC/USDT", "1"), ("ETH/USDT", "4"), ("SOL/USDT", "50"))
    ]
    harness.fill(made[0])
    return [*made, harness.sell("BTC/USDT", "0.1"), harness.buy("LINK/USDT", "100000")]


# --- never acting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shadow", [changed(heat=0.001), changed(heat=0.5, equity_at_risk=0.5), changed(max_order_usdt=1)]
)
def test_decisions_records_and_guards_are_the_same_with_shadow_limits_and_without(shadow: Limits) -> None:
    one, two = harness_with(None), harness_with(shadow)
    assert trade(one) == trade(two)
    one.pass_time(2)
    two.pass_time(2)
    records = [harness.machine.records.drain() for harness in (one, two)]
    assert records[1].pop(f"{SHADOW}:") is not None
    assert records[0] == records[1]
    assert one.machine.take_reservation_checks() == two.machine.take_reservation_checks()


def test_a_look_leaves_the_live_state_as_it_was() -> None:
    harness = harness_with(changed(heat=0.001, book_age_seconds=120.0))
    state = harness.machine.state
    before = dict(vars(state))
    harness.machine.shadow.before(
        proposal(order_id="o-1", time_ns=harness.now_ns, symbol="BTC/USDT", quantity=D("0.1"))
    )
    assert {name for name, value in vars(state).items() if value is not before[name]} == set()
    assert state.limits is LIVE


def test_how_far_the_book_carries_an_order_is_judged_by_each_collar_on_its_own() -> None:
    """What one look learnt of a book must not serve the other."""
    loose = changed(book_age_seconds=120.0)
    tight = structs.replace(loose, price_collar=0.001)
    levels = ((20_002.0, 0.2), (20_100.0, 5.0))  # 0.01 % and 0.5 % over the mid
    for live, shadow, expected in ((loose, tight, "0.5"), (tight, loose, "0.2")):
        harness = harness_with(shadow, live)
        harness.book("BTC/USDT", bids=((19_998.0, 5.0),), asks=levels)
        decided = [harness.buy("BTC/USDT", "0.5", stop=19_900) for _ in range(2)]
        assert [each.quantity_approved for each in decided] == [D(expected), D(expected)]
        assert counts(harness) == ((2, 2, 0, 0) if shadow is tight else (2, 0, 0, 2))


# --- counting ---------------------------------------------------------------------------------------------------------


def test_the_same_limits_never_differ() -> None:
    harness = harness_with(LIVE)
    trade(harness)
    answer = counted(harness)
    assert counts(harness) == (4, 0, 0, 0)
    assert answer.by_rule == {}
    assert answer.summary == "the shadow limits are those in force; 4 orders compared"


def test_tighter_heat_counts_what_it_would_have_trimmed_and_rejected_by_its_rule() -> None:
    harness = harness_with(changed(heat=0.01))
    harness.buy("BTC/USDT", "0.5")  # about 0.25 % of NAV at risk: passes both
    harness.buy("ETH/USDT", "20")  # 0.75 % more: fits in 8 %, not in 1 %
    harness.buy("SOL/USDT", "500")
    assert counts(harness) == (3, 1, 1, 0)
    answer = counted(harness)
    assert answer.by_rule == {"portfolio_heat": 2}
    assert answer.summary == "with 1 % heat, 1 of 3 orders would have been trimmed, 1 rejected"


def test_looser_limits_count_what_they_would_have_allowed_by_the_rule_that_bound() -> None:
    harness = harness_with(changed(equity_at_risk=0.02), changed(equity_at_risk=0.001))
    assert harness.buy("ETH/USDT", "10").binding == "equity_at_risk"
    assert counts(harness) == (1, 0, 0, 1)
    answer = counted(harness)
    assert answer.by_rule == {"equity_at_risk": 1}
    assert answer.summary == "with 2 % at risk a trade, 1 of 1 order would have been given more"


def test_sells_and_repeated_proposals_are_not_counted() -> None:
    harness = harness_with(changed(heat=0.01))
    bought = harness.buy("BTC/USDT", "0.1")
    harness.fill(bought)
    harness.sell("BTC/USDT", "0.1")
    [refused] = harness.handle(proposal(bought.order_id, time_ns=harness.now_ns, quantity=D(9)))
    assert isinstance(refused, ProposalRefused)
    harness.sell("BTC/USDT", "0.1")
    assert counts(harness)[0] == 1


def test_the_shadow_has_a_throttle_of_its_own() -> None:
    harness = harness_with(changed(repeats_per_minute=2))
    for _ in range(4):
        assert harness.buy("ADA/USDT", "100").verdict == "approve"
    assert counts(harness) == (4, 0, 2, 0)
    assert counted(harness).by_rule == {"throttle": 2}


def test_the_shadows_own_age_limits_are_used() -> None:
    harness = harness_with(changed(mark_age_seconds=2.0))
    harness.pass_time(3)
    assert harness.buy("ADA/USDT", "100").verdict == "approve"
    assert counted(harness).by_rule == {"fresh_mark": 1}


def test_limits_changed_at_run_time_do_not_change_the_shadow() -> None:
    harness = harness_with(changed(heat=0.06))
    harness.machine.state.use_limits(changed(heat=0.05))
    harness.buy("BTC/USDT", "0.1")
    assert counted(harness).summary == "with 6 % heat, none of 1 order would have been decided differently"


@examples(40)
@given(st.sampled_from(UNIVERSE.symbols), st.floats(0.01, 3.0), st.floats(0.0005, 0.02), st.floats(0.0005, 0.02))
def test_the_shadow_says_what_a_gate_with_its_limits_would_decide(
    symbol: str, size: float, live_heat: float, shadow_heat: float
) -> None:
    quantity = str(round(30_000 * size / PRICES[symbol.partition("/")[0]], 4))
    harness, other = (
        harness_with(changed(heat=shadow_heat), changed(heat=live_heat)),
        harness_with(None, changed(heat=shadow_heat)),
    )
    for each in ("BTC/USDT", "ETH/USDT"):
        for one in (harness, other):
            one.fill(one.buy(each, str(round(1_000 / PRICES[each.partition("/")[0]], 4))))
    before = counts(harness)
    was, would = harness.buy(symbol, quantity), other.buy(symbol, quantity)
    difference = [after - earlier for after, earlier in zip(counts(harness), before, strict=True)]
    if would.quantity_approved == was.quantity_approved:
        assert difference == [1, 0, 0, 0]
    elif would.quantity_approved > was.quantity_approved:
        assert difference == [1, 0, 0, 1]
    else:
        assert difference == ([1, 1, 0, 0] if would.quantity_approved else [1, 0, 1, 0])


# --- the store --------------------------------------------------------------------------------------------------------


def test_counts_are_written_at_most_once_a_snapshot_second_and_only_when_they_changed() -> None:
    harness = harness_with(changed(heat=0.01))
    harness.pass_time(2)
    harness.machine.records.drain()
    harness.buy("BTC/USDT", "0.1")
    harness.buy("ETH/USDT", "1")
    assert f"{SHADOW}:" not in harness.machine.records.drain(), "not for each decision"
    harness.pass_time(2)
    stored = harness.machine.records.drain()[f"{SHADOW}:"]
    assert isinstance(stored, ShadowCounts)
    assert stored.decisions == 2
    harness.pass_time(2)
    assert f"{SHADOW}:" not in harness.machine.records.drain()


def restarted(harness: RiskHarness, shadow: Limits | None) -> RiskHarness:
    rows = {
        f"{kind}:{name}": row
        for kind in harness.machine.records.kinds
        for name, row in harness.machine.records.rows(kind, object)  # type: ignore[type-var]
    }
    other = harness_with(shadow)
    other.machine.records.load(rows)
    other.machine.restored()
    return other


def test_counts_go_on_after_a_restart() -> None:
    harness = harness_with(changed(heat=0.01))
    harness.buy("BTC/USDT", "0.5")
    harness.buy("ETH/USDT", "20")
    harness.pass_time(2)
    other = restarted(harness, changed(heat=0.01))
    assert structs.replace(counted(other), time_ns=0) == structs.replace(counted(harness), time_ns=0)
    for symbol, price in (("BTC/USDT", 20_000.0), ("ETH/USDT", 1_500.0), ("SOL/USDT", 30.0)):
        other.mark(symbol, price)
    other.buy("SOL/USDT", "500", id="o-new")
    assert counts(other) == (3, 1, 1, 0)


def test_other_shadow_limits_begin_a_new_count() -> None:
    harness = harness_with(changed(heat=0.01))
    harness.buy("BTC/USDT", "0.5")
    harness.pass_time(2)
    assert counts(restarted(harness, changed(heat=0.02))) == (0, 0, 0, 0)


def test_without_shadow_limits_nothing_is_evaluated_and_the_answer_says_how_to_have_some() -> None:
    harness = harness_with(None)
    trade(harness)
    harness.pass_time(2)
    assert harness.machine.records.count(SHADOW) == 0
    answer = counted(harness)
    assert (answer.policy, answer.decisions) == ("", 0)
    assert "shadow.toml" in answer.summary


def test_stored_counts_outlive_a_run_without_shadow_limits() -> None:
    harness = harness_with(changed(heat=0.01))
    harness.buy("BTC/USDT", "0.5")
    harness.pass_time(2)
    without = restarted(harness, None)
    without.pass_time(2)
    assert counts(restarted(without, changed(heat=0.01)))[0] == 1


# --- words ------------------------------------------------------------------------------------------------------------


def test_the_answer_travels() -> None:
    harness = harness_with(changed(heat=0.01))
    trade(harness)
    answer = counted(harness)
    assert answer.reply_to == "hs:reply:1"
    assert answer.policy == policy_of(changed(heat=0.01), harness.plan)
    assert answer.since_ns == harness.now_ns
    assert decode(encode(answer), ANSWERS.messages) == answer


def test_every_limit_has_its_words() -> None:
    limits = Limits()
    assert limit_words(limits, "heat") == "8 % heat"
    assert limit_words(limits, "max_order_usdt") == "$25,000 an order"
    assert limit_words(limits, "mark_age_seconds") == "5 s mark age"
    assert limit_words(limits, "spread_multiple") == "3 times the median spread"
    assert limit_words(limits, "max_open_orders") == "40 max open orders"
    assert limit_words(limits, "spread_median") == "0.2 % spread median"
    for name in Limits.__struct_fields__:
        assert "_" not in limit_words(limits, name)


def test_differing_limits_are_named_and_many_are_counted() -> None:
    assert differing(changed(heat=0.06), LIVE) == "6 % heat"
    assert differing(changed(heat=0.06, drawdown=0.1), LIVE) == "6 % heat and 10 % drawdown"
    assert differing(Limits(), Limits(**dict.fromkeys(Limits.__struct_fields__, 1))).endswith("more")
