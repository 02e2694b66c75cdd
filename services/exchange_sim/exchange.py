"""The simulated exchange: one aiohttp server in front of a market."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from aiohttp import web

from services.exchange_sim.account import AccountApi, SimulatedAccount
from services.exchange_sim.faults import LASTING, ActiveFaults, Fault, ScriptedFault
from services.exchange_sim.market.market import Market
from services.exchange_sim.market_faults import delist, rename, set_status
from services.exchange_sim.odd_rows import spoil, spoiled_answer
from services.exchange_sim.parameters import BinanceError
from services.exchange_sim.publisher import Publisher
from services.exchange_sim.rest import RestApi
from services.exchange_sim.streams import Connection, Frame, Hub
from services.exchange_sim.trading import ACCOUNT_WEIGHTS, Trading
from services.exchange_sim.weights import Refusal, WeightBudget, too_many
from shared.adapters.clocks import ScaledClock, SteppedClock
from shared.adapters.http_server import serving
from shared.adapters.http_server.guard import Handler, bears
from shared.domain.timeframes import MS_NS
from shared.ports.clock import Clock


class ExchangeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange behaves.

    tick_ms: wall time between looks at the clock.
    weight_per_minute: the request weight that an address may use in a minute.
    seed: of the chances of faults.
    cash_usdt: that every account begins with where keys trade, each on its own; 0: nobody trades here.
    script: faults with their time.
    token: that whoever gives it faults has to show; empty: nobody may.
    names: by which it may be called, beside its host and those of the loopback.
    """

    tick_ms: int = 250
    weight_per_minute: int = 6000
    seed: int = 7
    cash_usdt: float = 0.0
    script: tuple[ScriptedFault, ...] = ()
    token: str = ""
    names: tuple[str, ...] = ()


class SimulatedExchange:
    """``async with exchange.running(host, port) as port`` serves until the block ends.

    clock: the exchange's own, which follows ``stack_clock`` unless a fault sets it.
    """

    def __init__(self, market: Market, clock: Clock, options: ExchangeOptions | None = None) -> None:
        self.market = market
        self.stack_clock = clock
        self.clock = SteppedClock(clock)
        self.options = options or ExchangeOptions()
        self.faults = ActiveFaults(self.options.seed)
        self.hub = Hub(self.clock)
        self.publisher = Publisher(market, self.hub, self.clock, self.faults)
        self._budget = WeightBudget(self.options.weight_per_minute)
        self._rest = RestApi(market, self.options.weight_per_minute, lambda: self.publisher.tick_ms)
        self._account = AccountApi(clock.speed)
        self._trading = Trading(market, self.options.cash_usdt, clock.speed)
        self._script = list(self.options.script)
        self._started_steady_ns = clock.steady_ns()
        self._stack = AsyncExitStack()

    @asynccontextmanager
    async def running(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve as market time passes; yields the port (a free one for 0)."""
        async with self.listening(host, port) as bound, asyncio.TaskGroup() as group:
            ticker = group.create_task(self._tick_forever())
            yield bound
            ticker.cancel()

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve, but send nothing unless somebody calls ``tick``."""
        async with serving(self._application(), host, port, names=self.options.names, end_seconds=1.0) as served:
            try:
                yield served.port
            finally:
                self.hub.drop_all()

    async def start(self, host: str, port: int) -> int:
        """``running`` for callers without a block: to be ended by ``stop`` in the same task."""
        return await self._stack.enter_async_context(self.running(host, port))

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _tick_forever(self) -> None:
        while True:
            self.tick()
            await self.clock.sleep_wall(self.options.tick_ms / 1000)

    def tick(self) -> None:
        """Let happen what the time has come for."""
        elapsed_ns = self.clock.steady_ns() - self._started_steady_ns
        due = [one for one in self._script if one.is_due(elapsed_steady_ns=elapsed_ns, now_ns=self.clock.now_ns())]
        for fault in due:
            self._script.remove(fault)
            self.inflict(fault)
        self._trading.tick(self.clock.now_ns() // MS_NS)
        self.publisher.tick()

    def inflict(self, fault: Fault) -> None:
        """Put a fault in force or, if it is one that happens at once, let it happen."""
        if fault.fault in LASTING:
            self.faults.add(fault, self.clock.steady_ns())
        elif fault.fault in ("drop", "half_open", "server_shutdown"):
            meant = [one for one in self.hub.connections if _fits(fault, one) and self.faults.chance(fault)]
            for connection in meant[: fault.count]:
                self._break(connection, fault)
                self.faults.happened[fault.fault] += 1
        elif fault.fault == "clock_step":
            self.clock.step_ns += int(fault.step_seconds * 1e9)
            self.faults.happened[fault.fault] += 1
        else:
            now_ms = self.clock.now_ns() // MS_NS
            {"status": set_status, "delist": delist, "rename": rename}[fault.fault](self.market, fault, now_ms)
            self.faults.happened[fault.fault] += 1

    def _break(self, connection: Connection, fault: Fault) -> None:
        if fault.fault == "drop":
            connection.drop()
        elif fault.fault == "half_open":
            connection.go_half_open()
        else:
            now_ms = self.clock.now_ns() // MS_NS
            connection.offer(Frame("!serverShutdown", {"e": "serverShutdown", "E": now_ms}))

    def _application(self) -> web.Application:
        application = web.Application()
        for signed in self._account.endpoints:
            application.router.add_get(signed, self._answer_signed)
        application.router.add_get("/api/v3/{path:.+}", self._answer)
        application.router.add_post("/api/v3/{path:.+}", self._answer)
        application.router.add_delete("/api/v3/{path:.+}", self._answer)
        # ccxt.pro reads from /stream/ws and numbers its sockets: /stream/ws/0
        for path in ("/ws", "/ws/{stream:.+}", "/stream", "/stream/ws", "/stream/ws/{number}"):
            application.router.add_get(path, self.hub.serve)
        application.router.add_post("/sim/account", self._with_token(self._set_account))
        application.router.add_get("/sim/clock", self._show_clock)
        application.router.add_get("/sim/faults", self._with_token(self._show_faults))
        application.router.add_post("/sim/faults", self._with_token(self._add_fault))
        application.router.add_delete("/sim/faults", self._with_token(self._clear_faults))
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if self._trades(request, path):
            return await self._answer_trader(request, path)
        endpoint = self._rest.endpoints.get(path) if request.method == "GET" else None
        if endpoint is None:
            return _json({"code": -1000, "msg": f"Path /api/v3/{path}, Method {request.method} is invalid"}, 404)

        def answer(now_ms: int) -> Any:
            return self._spoiled(request, endpoint.answer(request.query, now_ms))

        return self._weighed(request, endpoint.weight(request.query), answer)

    async def _answer_signed(self, request: web.Request) -> web.Response:
        """An answer about the account that was told, for who knows its key; or about one that trades."""
        path = request.path.removeprefix("/api/v3/")
        if self._trades(request, path):
            return await self._answer_trader(request, path)
        weight, endpoint = self._account.endpoints[request.path]

        def answer(now_ms: int) -> Any:
            self._account.check(request.headers.get("X-MBX-APIKEY", ""), request.rel_url.raw_query_string, now_ms)
            return endpoint(request.query, now_ms)

        return self._weighed(request, weight(request.query), answer)

    def _trades(self, request: web.Request, path: str) -> bool:
        """Whether somebody wants to trade here, or look at what he traded. The account that was told never trades."""
        told, key = self._account.account, request.headers.get("X-MBX-APIKEY", "")
        is_told = told is not None and told.key == key
        return self.options.cash_usdt > 0 and not is_told and (request.method, path) in self._trading.endpoints

    async def _answer_trader(self, request: web.Request, path: str) -> web.Response:
        """The parameters may stand in the body too."""
        query = {**request.query, **{name: str(text) for name, text in (await request.post()).items()}}
        key = request.headers.get("X-MBX-APIKEY", "")

        def answer(now_ms: int) -> Any:
            return self._trading.answer(request.method, path, key, query, now_ms)

        return self._weighed(request, ACCOUNT_WEIGHTS[path], answer)

    def _weighed(self, request: web.Request, weight: int, answer: Callable[[int], Any]) -> web.Response:
        """The answer at this moment, or why there is none."""
        address, wall_ns = request.remote or "", self.clock.wall_ns()
        refusal = self._fault_of(request.path, address) or self._budget.spend(address, weight, wall_ns)
        used = str(self._budget.used(address, wall_ns))
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if refusal is not None:
            if refusal.status in (418, 429):
                headers["Retry-After"] = str(refusal.retry_after_seconds)
            code = -1003 if refusal.status in (418, 429) else -1008
            return _json({"code": code, "msg": refusal.message}, refusal.status, headers)
        try:
            body = answer(self.clock.now_ns() // MS_NS)
        except BinanceError as error:
            return _json({"code": error.code, "msg": error.message}, error.status, headers)
        return _json(body, 200, headers)

    def _spoiled(self, request: web.Request, body: Any) -> Any:
        """The answer, or what faults make of its rows."""

        def spoil_row(row: Any, symbol: str) -> Any:
            return spoil(row, request.path, symbol, self.faults, self.clock.steady_ns())

        if not self.faults.active:
            return body
        return spoiled_answer(request.match_info["path"], request.query, body, spoil_row)

    def _fault_of(self, path: str, address: str) -> Refusal | None:
        wall_ns = self.clock.wall_ns()
        fault = self.faults.request_fault(path, self.clock.steady_ns())
        if fault is None:
            return None
        if fault.fault == "ban":
            return self._budget.ban(address, wall_ns, int(fault.seconds))
        if fault.fault == "rate_limit":
            return too_many(self.options.weight_per_minute, int(fault.seconds))
        return Refusal(fault.status_code, 0, "Server is currently overloaded with other requests.")

    async def _set_account(self, request: web.Request) -> web.Response:
        try:
            self._account.account = msgspec.json.decode(await request.read(), type=SimulatedAccount)
        except msgspec.DecodeError as error:
            return _json({"error": str(error)}, 400)
        return _json({})

    async def _show_clock(self, request: web.Request) -> web.Response:
        now_ns = self.clock.now_ns()
        told: dict[str, Any] = {"now_ms": now_ns // MS_NS, "now_ns": now_ns, "speed": self.clock.speed}
        if isinstance(self.stack_clock, ScaledClock):  # by which a stack knows its own exchange
            origin = self.stack_clock.origin
            told |= {"origin_market_ns": origin.origin_market_ns, "origin_wall_ns": origin.origin_wall_ns}
        return _json(told)

    def _with_token(self, handler: Handler) -> Handler:
        """The handler, for whoever may break this exchange or say what an account holds. The whole stack goes by it."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if bears(request, self.options.token):
                return await handler(request)
            if not self.options.token:
                return _json(
                    {"error": "nobody may give faults or accounts: simulator.token_file names no file for a token"}, 403
                )
            error = (
                "send the token as Authorization: Bearer TOKEN; it stands in the file that simulator.token_file names"
            )
            return _json({"error": error}, 401, {"WWW-Authenticate": "Bearer"})

        return guarded

    async def _show_faults(self, request: web.Request) -> web.Response:
        return _json({"happened": dict(self.faults.happened), "active": self.faults.active, "waiting": self._script})

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
            self.inflict(fault)
        except (msgspec.DecodeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return await self._show_faults(request)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.faults.clear()
        self._script.clear()
        return await self._show_faults(request)


def _fits(fault: Fault, connection: Connection) -> bool:
    return fault.stream == "*" or any(fnmatchcase(stream, fault.stream) for stream in connection.streams)


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    encoded = msgspec.json.encode(body)
    return web.Response(body=encoded, status=status, headers=headers, content_type="application/json")
