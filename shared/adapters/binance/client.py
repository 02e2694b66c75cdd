"""The ccxt.pro Binance class with the few methods that we need to behave otherwise. The library itself is unmodified.

What it is for. ccxt knows how to speak to Binance: addresses, requests, the handshake of sockets, pings, the names of
errors. It is made for a program that asks for one thing and looks at the answer. A risk layer needs three things more:
no closed bar may be lost without being named, silence must be told from calm, and the address must not be banned. This
class keeps ccxt's connections and replaces what happens to what comes in by them.

The way of a frame. A socket (``feed``) carries a fixed list of streams. ccxt's receive loop hands each message to
``handle_message``, which turns it into a struct of ours (``frames``) and puts it into the inbox (``inbox``), where one
reader takes it. Nothing here waits, and nothing here raises: an exception in a handler would end ccxt's receive loop
without a word, and the socket would look alive and stay silent. What cannot be read, or cannot be, is counted, and its
stream is named with the row: its pair is off by name, and its bars are asked for by REST.

The way of a question. Each REST request spends request weight first (``budget``), which all processes behind one
address share. Binance tells its own count in every answer; a 429 or 418 stops all questions for as long as it says.

What differs from ccxt, and why (measured on 4.5.90):

- Klines and best prices go raw to the inbox. ccxt's rows have no closed flag, quote volume or trade count, and its
  batch calls drop what arrives in the same tick: with 38 pairs closing at once, 2 came through.
- ``serverShutdown`` is obeyed. Binance sends it before it cuts a connection; ccxt ignores it.
- Pings go out every two seconds. A half-open socket is noticed after two missed pongs, with ccxt's default after six
  minutes.
- What means "ask again later" (5xx, 403, some codes) becomes ``ExchangeNotAvailable``, whatever the host is called:
  ccxt maps codes by host name, and an unknown state must never be mistaken for a refusal.
- Replies to SUBSCRIBE resolve a future per request, so that a socket counts as up only when every stream on it is
  subscribed.

Why nothing is lost when it breaks. A socket that ends, for whatever reason, says so in the inbox, and again when it is
back. Bars of the time in between are asked for by REST (``services/market_data/backfill.py``). A grid of open times
shows what is missing (``domain/bars/gapless.py``). A socket that delivers nothing is renewed. A closed bar that finds
the inbox full is dropped, and its stream is suspect. So streams are the fast way, and REST is the truth.

Public data only: the hosts of Binance below take no orders, and no key is ever sent.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ccxt.base.errors import ExchangeNotAvailable, NetworkError
from ccxt.pro.binance import binance

from shared.adapters.binance.budget import BANNED, WeightBudget
from shared.adapters.binance.frames import MalformedError, best_price, kline_frame, with_row
from shared.adapters.binance.inbox import Inbox
from shared.ports.clock import Clock
from shared.ports.exchange import BOOK, Stream

TOO_MANY = 429
FIREWALL = 403
ASK_AGAIN_CODES = frozenset({-1000, -1001, -1006, -1007, -1008, -1016, -1034})  # unknown, disconnected, overloaded
KEEP_ALIVE_MS = 2_000  # a half-open socket is noticed after two missed pongs; ccxt's default takes six minutes
TIMEOUT_MS = 10_000
SERVER_SHUTDOWN = "serverShutdown"
# Binance's hosts for market data only: no order can be sent there.
PUBLIC_REST = "https://data-api.binance.vision/api/v3"
PUBLIC_STREAM = "wss://data-stream.binance.vision/ws"


class BinanceClient(binance):
    """One per process: REST and every socket go through it.

    url: of the simulated exchange (``http://host:port``); empty for Binance itself.
    watched: symbols by the exchange's id: {"BTCUSDT": "BTC/USDT"}.
    heard_steady_ns: when each socket last delivered anything, by its url, in steady time.
    announced: the urls of sockets whose server said that it shuts down.
    malformed: how many messages could not be read.
    """

    def __init__(self, url: str, clock: Clock, budget: WeightBudget, inbox: Inbox) -> None:
        self.clock, self.budget, self.inbox = clock, budget, inbox
        self.watched: dict[str, str] = {}
        self.heard_steady_ns: dict[str, int] = {}
        self.announced: set[str] = set()
        self.malformed = 0
        super().__init__(_config(url))

    # --- REST -----------------------------------------------------------------------------------------------------

    def on_rest_response(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        response_headers: Mapping[str, str],
        response_body: str,
        request_headers: object,
        request_body: object,
    ) -> str:
        headers = {name.lower(): value for name, value in response_headers.items()}
        used = headers.get("x-mbx-used-weight-1m", "")
        if used.isdecimal():
            self.budget.reported(int(used))
        if code in (TOO_MANY, BANNED):
            after = headers.get("retry-after", "")
            self.budget.refused(code, float(after) if after.isdecimal() else None)
        return response_body.strip()

    def handle_errors(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Any,
        body: str,
        response: object,
        requestHeaders: object,  # noqa: N803
        requestBody: object,  # noqa: N803
    ) -> None:
        own_code = response.get("code") if isinstance(response, dict) else None
        if code >= 500 or code == FIREWALL or own_code in ASK_AGAIN_CODES:
            raise ExchangeNotAvailable(f"{method} {urlsplit(url).path}: {code} {reason} {body[:200]}")
        super().handle_errors(code, reason, url, method, headers, body, response, requestHeaders, requestBody)

    # --- sockets --------------------------------------------------------------------------------------------------

    def handle_message(self, client: Any, message: object) -> None:
        self.heard_steady_ns[client.url] = self.clock.steady_ns()
        name, body = "", message
        if isinstance(message, dict) and "stream" in message:
            name, body = str(message["stream"]), message.get("data")
        if not isinstance(body, dict):
            self._odd(self._stream_named(name), MalformedError("no object"), body)
            return
        event = body.get("e")
        if event == "kline" or "@kline" in name:
            self._kline(body, name)
        elif event == SERVER_SHUTDOWN:
            self.announced.add(client.url)
            self.break_off(client.url, SERVER_SHUTDOWN)
        elif event in (None, "bookTicker") and ("id" not in body or name.endswith("@bookTicker")):
            self._best_price(body, name)
        elif "id" in body:
            super().handle_message(client, body)  # replies: accepted, or an error that rejects the subscription

    def _stream_named(self, name: str) -> Stream | None:
        """``btcusdt@kline_1h``, by which a combined stream names what it wraps; None for one that nobody watches."""
        pair, _, kind = name.partition("@")
        symbol = self.watched.get(pair.upper())
        return None if symbol is None else Stream(symbol, BOOK if kind == "bookTicker" else kind.removeprefix("kline_"))

    def _symbol_of(self, message: dict[str, Any], stream: Stream | None) -> str | None:
        """The pair that a row names or, where it names none that is watched, the one of its stream."""
        return self.watched.get(str(message.get("s"))) or (stream.symbol if stream is not None else None)

    def _kline(self, message: dict[str, Any], name: str) -> None:
        stream = self._stream_named(name)
        symbol = self._symbol_of(message, stream)
        if symbol is None:
            return
        try:
            self.inbox.put_frame(kline_frame(message, symbol))
        except MalformedError as error:
            row = message.get("k")
            timeframe = row.get("i") if isinstance(row, dict) else None
            if stream is None:
                stream = Stream(symbol, timeframe if isinstance(timeframe, str) else "")
            self._odd(stream, error, row)

    def _best_price(self, message: dict[str, Any], name: str) -> None:
        stream = self._stream_named(name)
        symbol = self._symbol_of(message, stream)
        if symbol is None:
            return
        try:
            price = best_price(message, symbol, bid="b", ask="a", seen_steady_ns=self.clock.steady_ns())
        except MalformedError as error:
            self._odd(Stream(symbol, BOOK), error, message)
            return
        if price is not None:
            self.inbox.put_price(price)

    def _odd(self, stream: Stream | None, error: MalformedError, row: object) -> None:
        """A row that cannot be: it is counted, and its stream is named."""
        self.malformed += 1
        if stream is not None:
            self.inbox.put_odd(stream, with_row(error, row))

    def handle_subscription_status(self, client: Any, message: dict[str, Any]) -> dict[str, Any]:
        client.resolve(message, acknowledgement(message.get("id")))
        return message

    def on_connected(self, client: Any, message: object = None) -> None:
        super().on_connected(client, message)
        self.heard_steady_ns[client.url] = self.clock.steady_ns()
        if self.clients.get(client.url) is not client:  # given up while it was dialled
            client.on_error(NetworkError("no longer wanted"))

    def break_off(self, url: str, reason: str) -> None:
        """End a socket now; whoever waits on it sees a ``NetworkError`` with the reason."""
        client = self.clients.get(url)
        if client is not None:
            client.on_error(NetworkError(reason))


def acknowledgement(request_id: object) -> str:
    """The name under which ccxt's client keeps the future of a subscription's reply."""
    return f"ack:{request_id}"


def _config(url: str) -> dict[str, Any]:
    rest = f"{url}/api/v3" if url else PUBLIC_REST
    # The path has to contain ``/stream``: that is how ccxt tells spot from futures.
    stream = f"{url.replace('http', 'ws', 1)}/stream/ws" if url else PUBLIC_STREAM
    return {
        "enableRateLimit": False,  # the weight budget does that, by weight and for all callers
        "timeout": TIMEOUT_MS,
        "timeout_on_exit": 10 if url else 250,  # ms; encrypted connections take their time to close
        "options": {
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
            "ws": {"keepAlive": KEEP_ALIVE_MS, "connectionTimeout": TIMEOUT_MS, "compress": 0},
        },
        "urls": {"api": {"public": rest, "private": rest, "ws": {"spot": stream}}},
    }
