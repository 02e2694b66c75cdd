"""Verdicts by the rule that set them, and the notional that each kept out."""

from collections import Counter

from services.backtest.result import RuleTally, Verdicts
from shared.messages.orders import OrderDecided


class VerdictRecorder:
    """Counts decisions. Sales are counted and not judged: what reduces risk always passes."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._trimmed: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._kept_out: dict[str, float] = {}
        self._asked = self._approved = 0.0
        self._sells = 0

    def decided(self, order: OrderDecided) -> None:
        if order.side == "sell":
            self._sells += 1
            return
        asked = float(order.quantity_requested) * order.mark
        approved = float(order.quantity_approved) * order.mark
        self._verdicts[order.verdict] += 1
        self._asked += asked
        self._approved += approved
        if order.verdict == "approve":
            return
        (self._trimmed if order.verdict == "trim" else self._rejected)[order.binding] += 1
        self._kept_out[order.binding] = self._kept_out.get(order.binding, 0.0) + asked - approved

    def result(self) -> Verdicts:
        rules = sorted(self._kept_out, key=lambda rule: (-self._kept_out[rule], rule))
        return Verdicts(
            approve=self._verdicts["approve"],
            trim=self._verdicts["trim"],
            reject=self._verdicts["reject"],
            sells=self._sells,
            asked=self._asked,
            approved=self._approved,
            rules=tuple(
                RuleTally(
                    rule=rule,
                    trimmed=self._trimmed[rule],
                    rejected=self._rejected[rule],
                    kept_out=self._kept_out[rule],
                )
                for rule in rules
            ),
        )
