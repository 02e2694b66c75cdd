"""The routes by which clients propose over HTTP: docs/http.md."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from services.ops.proposals.answers import (
    RequestRefusedError,
    not_found,
    of_not_taken,
    of_refusal,
    of_unknown,
    of_verdict,
    other_body,
)
from services.ops.proposals.body import Body, checked_key, key_of, read_body
from services.ops.proposals.order import Orders, id_of, side_of
from services.ops.proposals.throttle import Throttle
from shared.application.proposing import Answer, Taken, Unknown, Verdicts
from shared.config.tokens import Tokens
from shared.messages.orders import OrderDecided
from shared.ports.errors import BusLostError, NotTakenError

PATH = "/v1/proposals"
HOOKS = "/v1/hooks"
MOST_BYTES = 16 * 1024
CONTENT_TYPES = ("application/json", "text/plain", "application/octet-stream")  # the last one stands for none
BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class ProposalsApi:
    """``POST /v1/proposals``, ``POST /v1/hooks/TOKEN`` for who can set neither headers nor hide a token in a body, and
    ``GET /v1/proposals/ID``.

    Whatever is not certain is refused by name. No token is ever logged or answered.

    signed: clients whose orders have to be signed. unkeyed: those of some clients whose keys are not here.
    """

    tokens: Tokens
    verdicts: Verdicts
    orders: Orders
    throttle: Throttle
    seconds: float
    log: Any
    signed: frozenset[str] = frozenset()
    unkeyed: Callable[[Iterable[str]], list[str]] = list

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post(PATH, self.post)
        app.router.add_post(f"{HOOKS}/{{token}}", self.post)
        app.router.add_get(f"{PATH}/{{key}}", self.get)

    async def post(self, request: web.Request) -> web.Response:
        """Propose, and wait for the verdict."""
        try:
            self._check_on()
            body = read_body(await _bytes_of(request))
            client = self._client(request, body)
            key = key_of(body, request.headers.get("Idempotency-Key", ""))
            self._throttled(f"{client} {side_of(body)}")
            asked = self.orders.written(body, client, key)
            answer = await self.verdicts.known(asked)
            if answer is None:
                self._check_key_of(client)
                asked = await self.orders.completed(asked, body)
                answer = await self.verdicts.propose(asked, self.seconds)
        except NotTakenError as error:
            return of_not_taken(error).response
        except RequestRefusedError as error:
            return error.response
        except BusLostError as error:  # while the market was read
            return _unreachable(error)
        self.log.info("proposed_over_http", client=client, order_id=asked.order.id, symbol=asked.order.symbol,
                      outcome=_outcome(answer))  # fmt: skip
        return _response(key, asked.order.id, answer)

    async def get(self, request: web.Request) -> web.Response:
        """What became of an order that was proposed over HTTP before, by the key that the client chose."""
        try:
            self._check_on()
            client = self._client(request)
            self._throttled(f"{client} ask")
            key = checked_key(request.match_info["key"])
            order_id = id_of(client, key)
            found = await self.verdicts.find(order_id, client)
        except RequestRefusedError as error:
            return error.response
        except BusLostError as error:
            return _unreachable(error)
        return _response(key, order_id, found) if found is not None else not_found(key).response

    def _check_on(self) -> None:
        if not self.tokens.any:
            remedy = "heatsink token NAME makes a token, and with it this is on."
            raise RequestRefusedError(404, "off", "nobody may propose over HTTP here", remedy)

    def _client(self, request: web.Request, body: Body | None = None) -> str:
        """By the token in the header, in the path or in the body: the first that there is has to be one."""
        header = request.headers.get("Authorization", "")
        if header[: len(BEARER)].lower() == BEARER:
            token = header[len(BEARER) :].strip()
        else:
            token = request.match_info.get("token", "") or (body.text("token") if body else "")
        client = self.tokens.client_of(token) if token else ""
        if not client:
            reason = "the token is nobody's" if token else "there is no token"
            remedy = "Write Authorization: Bearer TOKEN, or the field token; heatsink token NAME prints it."
            raise RequestRefusedError(401, "unauthorized", reason, remedy, field="token")
        return client

    def _check_key_of(self, client: str) -> None:
        """Orders of a client that has to sign are signed here, if its key is."""
        if client in self.signed and self.unkeyed([client]):
            reason = f"nothing was proposed: client {client} must sign, and its key is not where ops could sign for it"
            remedy = f"The owner makes it (heatsink keys new --client {client}), or gives ops the folder signing.keys."
            raise RequestRefusedError(403, "not_signed", reason, remedy, field="signature")

    def _throttled(self, name: str) -> None:
        if not self.throttle.takes(name):
            reason = "more requests of this client than ops.proposals_per_minute allows"
            raise RequestRefusedError(
                429, "throttled", reason, "Send it again later, under the same id.", field="token"
            )


async def _bytes_of(request: web.Request) -> bytes:
    """The guard before every route has bounded it, and read it in time."""
    if request.content_type not in CONTENT_TYPES:
        remedy = "Send JSON as application/json or text/plain."
        raise RequestRefusedError(
            415, "malformed", "another kind of content", remedy, field="Content-Type", value=request.content_type
        )
    body = await request.read()
    if len(body) > MOST_BYTES:
        raise RequestRefusedError(413, "size", f"more than {MOST_BYTES} bytes", "Send one order, and nothing else.")
    return body


def _response(key: str, order_id: str, answer: Answer) -> web.Response:
    match answer:
        case OrderDecided():
            return of_verdict(key, answer)
        case Unknown():
            return of_unknown(key, order_id, answer, f"{PATH}/{quote(key, safe='')}")
        case Taken():
            return other_body(key).response
        case _:
            return of_refusal(key, answer).response


def _outcome(answer: Answer) -> str:
    match answer:
        case OrderDecided():
            return answer.verdict
        case Unknown():
            return f"unknown, arrived: {answer.arrived}"
        case Taken():
            return "other_body"
        case _:
            return answer.code


def _unreachable(error: BusLostError) -> web.Response:
    remedy = "Send it again under the same id."
    return RequestRefusedError(503, "unreachable", f"nothing was proposed: {error}", remedy).response
