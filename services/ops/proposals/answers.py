"""What a request is answered, as JSON: a verdict, that there is none yet, or what is wrong with the request.

| status | what it says |
|---|---|
| 200 | the verdict, which may be ``reject`` |
| 202 | proposed, and no verdict yet: unknown, not refused |
| 4xx | refused: nothing was proposed, and the key is free, but for ``other_body`` |
| 503 | nothing was proposed, because something is missing here: try again |
| 504 | it is not known whether it was proposed: ask, or send it again under the same key |
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.ops.json_answers import json_response
from shared.application.proposing import Unknown
from shared.messages.orders import OrderDecided, ProposalRefused
from shared.ports.errors import NotTakenError

RETRY_SECONDS = 1
LONGEST_VALUE = 80
STATUS_OF_NOT_TAKEN = {"QUOTA": 429, "SIZE": 413, "CLIENTS": 503}
_OF_VERDICT = (
    "symbol", "side", "verdict", "quantity_requested", "quantity_approved", "stop_price", "limit_price", "binding",
    "code", "reason", "heat_before", "heat_after", "nav", "mark", "phase", "strategy", "ceilings", "shortfall",
)  # fmt: skip


class RequestRefusedError(Exception):
    """A request that is not taken.

    status: of HTTP. code: why, in one word. field, value: what is wrong. reason, remedy: in sentences.
    """

    def __init__(
        self, status: int, code: str, reason: str, remedy: str, *, field: str = "$", value: object = None
    ) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason, self.remedy = status, code, reason, remedy
        self.field, self.value = field, value

    @property
    def response(self) -> web.Response:
        error: dict[str, Any] = {"code": self.code, "field": self.field}
        if self.value is not None:
            error["value"] = _shown(self.value)
        error |= {"reason": self.reason, "remedy": self.remedy}
        wait = {"Retry-After": str(RETRY_SECONDS)} if self.status in (429, 503) else {}
        challenge = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        return _answer({"outcome": "refused", "error": error}, self.status, wait | challenge)


def of_verdict(key: str, decided: OrderDecided) -> web.Response:
    """key: under which the client knows the order."""
    body = {"outcome": "decided", "id": key, "order_id": decided.order_id}
    return _answer(body | {name: getattr(decided, name) for name in _OF_VERDICT})


def of_unknown(key: str, order_id: str, unknown: Unknown, path: str) -> web.Response:
    """path: where to ask what became of it."""
    if unknown.arrived == "no":
        return RequestRefusedError(
            503, "unreachable", f"nothing was proposed: {unknown.reason}", "Send it again under the same id."
        ).response
    body = {
        "outcome": "unknown", "id": key, "order_id": order_id, "arrived": unknown.arrived, "reason": unknown.reason,
        "remedy": f"This is no refusal: the order may be approved yet. GET {path}, or send it again under the same id.",
        "ask": path,
    }  # fmt: skip
    return _answer(body, 202 if unknown.arrived == "yes" else 504, {"Retry-After": str(RETRY_SECONDS)})


def other_body(key: str) -> RequestRefusedError:
    """The key has its verdict, on something else."""
    return RequestRefusedError(
        422, "other_body", "this id was used before, for another order, and keeps its verdict",
        "Take another id for another order; in TradingView let it follow from {{timenow}}.", field="id", value=key,
    )  # fmt: skip


def not_found(key: str) -> RequestRefusedError:
    """This client has proposed no order under the key, as far as that is kept."""
    remedy = "It was never proposed over HTTP by this client, or too long ago: it may be proposed."
    return RequestRefusedError(404, "not_found", "no order of this id", remedy, field="id", value=key)


def of_refusal(key: str, refused: ProposalRefused) -> RequestRefusedError:
    """What the gate did not take."""
    if refused.code == "other_body":
        return other_body(key)
    remedy = "Mend it, and send it again under the same id."
    if refused.code == "failed":
        remedy = "Nothing is wrong with it that could be mended there: send it once an operator has looked."
    return RequestRefusedError(422, refused.code, refused.reason, remedy, field=refused.field.removeprefix("$."))


def of_not_taken(error: NotTakenError) -> RequestRefusedError:
    """What the client's queue did not take."""
    status = STATUS_OF_NOT_TAKEN.get(error.code, 422)
    return RequestRefusedError(status, error.code.lower(), error.reason, "Send it again later, under the same id.")


def _answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """No answer about an order is kept by anybody on its way."""
    return json_response(value, status, {"Cache-Control": "no-store", **(headers or {})})


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
