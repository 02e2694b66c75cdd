"""What is answered where there is no verdict."""

from services.ops.proposals.answers import of_refusal
from shared.messages.orders import ProposalRefused
from tests.samples import T0


def refused(code: str) -> ProposalRefused:
    return ProposalRefused(
        id="r", time_ns=T0, cause="o-1", order_id="o-1", symbol="BTC/USDT", what="OrderProposed", code=code,
        field="$.quantity", reason="risk failed at it",
    )  # fmt: skip


def test_a_refusal_names_field_reason_and_remedy_and_one_for_an_error_of_ours_asks_nobody_to_mend_it() -> None:
    odd, failed = of_refusal("k", refused("malformed")), of_refusal("k", refused("failed"))
    assert (odd.status, odd.code, odd.field, odd.reason) == (422, "malformed", "quantity", "risk failed at it")
    assert odd.remedy == "Mend it, and send it again under the same id."
    assert (failed.status, failed.code) == (422, "failed")
    assert "once an operator has looked" in failed.remedy
