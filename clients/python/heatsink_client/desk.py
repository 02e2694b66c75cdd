"""All that a gate can be asked to do, as operations: what the plain and the asynchronous gate share."""

import re
import secrets
import time
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from heatsink_client import asking, following, looking, proposing
from heatsink_client.answers import Answer, RoomLeft, Sizes, Verdict
from heatsink_client.errors import GateError, StaleError
from heatsink_client.messages import (
    CancelProposed,
    ClosedReported,
    FillReported,
    Halted,
    Message,
    OrderProposed,
    PlacedReported,
    PortfolioMarked,
    StopRaised,
    StopReported,
)
from heatsink_client.reporting import AnyReport, Report, report_id
from heatsink_client.signing import client_key
from heatsink_client.steps import Operation, Place
from heatsink_client.wire import Amount, UnwritableError, amount, nanoseconds, seconds

Side = Literal["buy", "sell"]
Ending = Literal["filled", "cancelled", "expired", "rejected"]
Amounts = dict[str, Amount | None]
DEFAULT_URL = "redis://127.0.0.1:6390/0"
TIMEOUT = 5.0  # seconds for an answer
CLIENT = "client"  # who has no name of its own
_USER = re.compile(r"[a-z0-9_-]+\.client(?:\.([a-z0-9][a-z0-9_-]*))?")


class Desk:
    """Where one bot stands at the gate of one portfolio.

    client: its name; empty for the one that the address signs in with.
    strategy: what its orders are proposed under, unless they say otherwise. timeout: seconds, for every answer.
    key: what it signs with, see ``client_key``. Raises ``GateError`` where that cannot be read, or a time is none.
    """

    def __init__(self, url: str, *, portfolio: str, client: str, strategy: str, timeout: float, key: str) -> None:
        self.place = Place(portfolio, client or _client_in(url), signs_with=client_key(key))
        self.strategy, self.timeout = strategy, _checked("timeout", timeout, TIMEOUT)

    def check(self) -> Operation[None]:
        return looking.patiently(lambda: looking.check(self.place), self.timeout)

    # --- proposals ----------------------------------------------------------------------------------------------------

    def propose(
        self,
        symbol: str,
        side: Side,
        quantity: Amount,
        *,
        stop_price: Amount | None,
        limit_price: Amount | None,
        id: str,
        strategy: str,
        reduce_only: bool,
        expires_ns: int,
        because: Message | None,
        timeout: float | None,
    ) -> Operation[Verdict]:
        order_id = id or new_id("order")
        try:
            order = OrderProposed(
                id=order_id,
                symbol=symbol,
                side=side,
                quantity=amount("quantity", quantity),
                stop_price=None if stop_price is None else amount("stop_price", stop_price),
                limit_price=None if limit_price is None else amount("limit_price", limit_price),
                order_type="market" if limit_price is None else "limit",
                strategy=strategy or self.strategy,
                reduce_only=reduce_only,
                expires_ns=nanoseconds("expires_ns", expires_ns),
                **_led_by(because),
            )
            within = self._seconds(timeout)
        except UnwritableError as error:
            return _at_once(Verdict.refusal(order_id, "malformed", error.field, error.reason, symbol=symbol))
        return proposing.propose(self.place, order, within)

    def cancel(self, order_id: str, reason: str, timeout: float | None) -> Operation[Answer]:
        cancel = CancelProposed(id=new_id("cancel"), time_ns=0, order_id=order_id, reason=reason)
        try:
            within = self._seconds(timeout)
        except UnwritableError as error:
            return _at_once(Answer.refusal(cancel.id, "malformed", error.field, error.reason))
        return proposing.ask_for(self.place, cancel, within)

    def raise_stop(
        self, symbol: str, stop_price: Amount, because: Message | None, timeout: float | None
    ) -> Operation[Answer]:
        name = new_id("raise")
        try:
            raised = StopRaised(id=name, symbol=symbol, stop_price=amount("stop_price", stop_price), **_led_by(because))
            within = self._seconds(timeout)
        except UnwritableError as error:
            return _at_once(Answer.refusal(name, "malformed", error.field, error.reason))
        return proposing.ask_for(self.place, raised, within)

    def verdict_of(self, order_id: str, timeout: float | None) -> Operation[Verdict]:
        within = _checked("timeout", timeout, self.timeout)
        return looking.patiently(lambda: looking.verdict_of(self.place, order_id), within)

    # --- reports ------------------------------------------------------------------------------------------------------

    def report_placed(
        self, order_id: str, symbol: str, quantity: Amount, price: Amount | None, **about: Any
    ) -> Operation[Answer]:
        name = report_id("placed", order_id, about["venue_order_id"])
        amounts: Amounts = {"quantity": quantity, "price": price}
        return self._report(PlacedReported, name, amounts, order_id=order_id, symbol=symbol, **about)

    def report_fill(self, order_id: str, amounts: Amounts, **about: Any) -> Operation[Answer]:
        name = report_id("fill", order_id, about["trade_id"])
        return self._report(FillReported, name, amounts, order_id=order_id, **about)

    def report_closed(self, order_id: str, quantity_filled: Amount, **about: Any) -> Operation[Answer]:
        name = report_id("closed", order_id)
        amounts: Amounts = {"quantity_filled": quantity_filled}
        return self._report(ClosedReported, name, amounts, order_id=order_id, **about)

    def report_stop(self, symbol: str, stop_price: Amount, quantity: Amount, **about: Any) -> Operation[Answer]:
        amounts: Amounts = {"stop_price": stop_price, "quantity": quantity}
        return self._report(StopReported, new_id("stop"), amounts, symbol=symbol, **about)

    def _report(
        self,
        kind: type[AnyReport],
        name: str,
        amounts: Amounts,
        *,
        timeout: float | None,
        time_ns: int,
        **about: Any,
    ) -> Operation[Answer]:
        try:
            within, at_ns = self._seconds(timeout), nanoseconds("time_ns", time_ns)
            checked = {field: None if given is None else amount(field, given) for field, given in amounts.items()}
        except UnwritableError as error:
            return _at_once(Answer.refusal(name, "malformed", error.field, error.reason))
        report: Any = kind
        message = report(id=name, time_ns=at_ns, **checked, **about)
        return proposing.answer_to(Report(self.place, message), within)

    # --- questions ----------------------------------------------------------------------------------------------------

    def room(
        self,
        symbol: str,
        *,
        stop_price: Amount | None,
        limit_price: Amount | None,
        strategy: str,
        timeout: float | None,
    ) -> Operation[list[RoomLeft]]:
        try:
            within = self._seconds(timeout)
            question = {
                "symbol": symbol,
                "strategy": strategy or self.strategy,
                "client": self.place.client if self.place.function("proposed") else "",
                "stop_price": None if stop_price is None else amount("stop_price", stop_price),
                "limit_price": None if limit_price is None else amount("limit_price", limit_price),
            }
        except UnwritableError as error:
            return _at_once([RoomLeft(symbol=symbol, reason=str(error), code="malformed", is_known=False)])
        return asking.room(self.place, question, within)

    def sizes(self, timeframe: str) -> Operation[Sizes]:
        return looking.patiently(lambda: looking.sizes(self.place, timeframe), self.timeout)

    def portfolio(self, max_age: float) -> Operation[PortfolioMarked]:
        most = _checked("max_age", max_age, looking.SNAPSHOT_SECONDS)
        return looking.patiently(lambda: looking.portfolio(self.place, most), self.timeout)

    def halts(self, max_age: float) -> Operation[tuple[Halted, ...]]:
        most = _checked("max_age", max_age, looking.SNAPSHOT_SECONDS)
        return looking.patiently(lambda: looking.halts(self.place, most), self.timeout)

    def market_ns(self, in_seconds: float) -> Operation[int]:
        ahead = _checked("in_seconds", in_seconds, 0.0)
        origin = yield from looking.patiently(lambda: looking.market_clock(self.place), self.timeout)
        wall_ns = time.time_ns()  # noqa: TID251 - market time is counted from the clock of the machine
        begins = origin.get("begins_wall_ns", 0)
        passed = max(0, wall_ns - begins) if begins else wall_ns - origin["origin_wall_ns"]
        return int(origin["origin_market_ns"] + (passed + ahead * 1e9) * origin["speed"])

    # --- streams ------------------------------------------------------------------------------------------------------

    def key_of(self, topic: str) -> str:
        return following.key_of(self.place, topic)

    def start_of(self, key: str, after: str) -> Operation[str]:
        if after in ("start", "now"):
            end = yield from looking.patiently(lambda: following.end_of(key), self.timeout)
            return end if after == "now" else following.START
        return after

    def read(self, key: str, after: str, wait: float, patience: float) -> Operation[tuple[list[Any], str]]:
        patient = _checked("patience", patience, self.timeout)
        return looking.patiently(lambda: following.read(key, after, wait), patient)

    def _seconds(self, timeout: float | None) -> float:
        """Raises ``UnwritableError``."""
        return seconds("timeout", timeout, self.timeout)


def _checked(field: str, given: float | None, otherwise: float) -> float:
    """Where nothing is answered, but raised. Raises ``GateError``."""
    try:
        return seconds(field, given, otherwise)
    except UnwritableError as error:
        raise GateError(str(error)) from None


def rooms_by_pair(rooms: list[RoomLeft]) -> dict[str, RoomLeft]:
    """Raises ``StaleError`` where nobody answered."""
    for room in rooms:
        if not room.is_known or not room.symbol:
            raise StaleError(room.reason)
    return {room.symbol: room for room in rooms}


def new_id(what: str) -> str:
    """An id that nobody else has."""
    return f"{what}-{secrets.token_hex(10)}"


def _led_by(because: Message | None) -> dict[str, Any]:
    """What led to a proposal, as the header says it."""
    if because is None:
        return {"time_ns": 0}
    return {"time_ns": because.time_ns, "cause": because.id, "trace": because.trace or because.id}


def _client_in(url: str) -> str:
    """The client whose user the address signs in: ``ana`` for ``main.client.ana``."""
    try:
        user = unquote(urlsplit(url).username or "")
    except ValueError:
        return CLIENT
    found = _USER.fullmatch(user)
    return (found[1] or CLIENT) if found else CLIENT


def _at_once(result: Any) -> Operation[Any]:
    """An operation that has its result already."""
    return result
    yield  # what makes it a generator
