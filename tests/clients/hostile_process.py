"""A client that means ill, a process with nothing but its Redis user:
``hostile_process.py URL SEED STOLEN KEY [ATTACK...]``.

STOLEN is the address of another client, with its password: that is not enough where that one has to sign. KEY is the
file with a key of its own.

It knows the server's address with its own name and password, reads whatever a client may read, and does everything that
a client can to have booked what was not approved, or to keep another client waiting. It goes on until its input ends,
and then prints how often it did what, and what the server said, as JSON. Nothing of heatsink's is imported here.
"""

import hashlib
import hmac
import json
import random
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgpack
import redis

Body = dict[str, Any]
ME, MINE = "hostile", "SOL/USDT"  # its name, and the only pair in which it was approved anything
HOME = "hs:{main}"
QUEUE, REPORTS = f"{HOME}:clients:{ME}", f"{HOME}:reports:{ME}"
THEIRS = f"{HOME}:reports:honest"
STOLEN = f"{HOME}:clients:careful"
PROPOSED, DECIDED, EXECUTED, REPORTED = (
    f"{HOME}:orders:{name}" for name in ("proposed", "decided", "executed", "reported")
)
ASK, SIGNALS = f"{HOME}:ask", "hs:signals"
KINDS = (
    "OrderProposed", "CancelProposed", "StopRaised", "FillReported", "PlacedReported", "ClosedReported", "StopReported",
    "OrderDecided", "OrderFilled", "SignalRaised", "RoomAsked", "Halt", "Nothing",
)  # fmt: skip
FIELDS = ("id", "symbol", "side", "quantity", "stop_price", "limit_price", "order_type", "strategy", "portfolio",
          "time_ns", "expires_ns", "order_id", "trade_id", "price", "fee_usdt", "client", "cause", "trace", "strength",
          "reply_to", "quantity_filled", "ending", "working", "stop", "v", "reduce_only")  # fmt: skip
ODD = (None, "", "x" * 70_000, -1, 0, 2**63, 2**64 - 1, 1e308, float("nan"), float("inf"), "NaN", "1e400", "0.1", "buy",
       "sell", "limit", MINE, "ETH/USDT", "\x00\x1b[2J", "\ud7ff", b"\xff\xfe", [], {}, [[[[]]]], True, "-0", "٣",
       1_700_000_000_000)  # fmt: skip
FLOOD = 300  # messages of a flood, before it looks again


class Hostile:
    """counts: what was done, by the kind of attack. said: the first word of what the server refused.
    forbidden: how many of a kind were no right of this user's.
    """

    def __init__(self, url: str, seed: int, stolen: str, key: str) -> None:
        self.server = redis.Redis.from_url(url, protocol=2)
        self.stolen = redis.Redis.from_url(stolen, protocol=2)
        with open(key) as file:
            self.key_id, secret = file.read().splitlines()[1].split()
        self.secret = bytes.fromhex(secret)
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self.forbidden: Counter[str] = Counter()
        self.number = 0
        self.own = self.own_stop = ""  # an order of its own that was approved, and the stop of what it bought
        self.cursors = {DECIDED: b"0", EXECUTED: b"0"}
        self.approved: list[Body] = []  # orders of others
        self.stops: dict[str, Body] = {}  # by pair of others, the stop that is awaited there
        self.heard: list[tuple[str, bytes]] = []  # what others wrote, to be written again

    # --- how it speaks ------------------------------------------------------------------------------------------------

    def send(self, what: str, *commands: tuple[Any, ...], through: Any = None) -> None:
        pipe = (through or self.server).pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        for reply in pipe.execute(raise_on_error=False):
            self.counts[what] += 1
            if isinstance(reply, Exception):
                self.said[word_of(reply)] += 1
                self.forbidden[what] += word_of(reply) == "NOPERM"

    def next_id(self) -> str:
        self.number += 1
        return f"bad-{self.random.getrandbits(32):x}-{self.number}"

    def order(self, **changes: Any) -> Body:
        return {"type": "OrderProposed", "id": self.next_id(), "time_ns": 0, "symbol": MINE, "side": "buy",
                "quantity": "0.05", "stop_price": "95", "strategy": ME} | changes  # fmt: skip

    def fill(self, **changes: Any) -> Body:
        number = self.next_id()
        return {"type": "FillReported", "id": number, "time_ns": 0, "order_id": f"never-{number}"[:36], "symbol": MINE,
                "side": "buy", "trade_id": f"t-{number}", "quantity": "0.05", "price": "100", "fee_usdt": "0.005",
                "client": ME} | changes  # fmt: skip

    # --- what it hears ------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        for stream, entries in self.server.xread(self.cursors, count=500, block=1) or ():
            for entry_id, fields in entries:
                self.cursors[stream.decode()] = entry_id
                message = msgpack.unpackb(fields[b"m"])
                self.heard = [*self.heard[-50:], (stream.decode(), fields[b"m"])]
                if message["type"] == "OrderDecided" and message["quantity_approved"] != "0":
                    if message["strategy"] == ME:
                        self.own = message["order_id"]
                    else:
                        self.approved = [*self.approved[-20:], message]
                elif message["type"] == "ReportAwaited" and (message["symbol"], message["what"]) == (MINE, "stop"):
                    self.own_stop = message["order_id"]
                elif message["type"] == "ReportAwaited" and message["what"] == "stop":
                    self.stops[message["symbol"]] = message

    # --- what it does -------------------------------------------------------------------------------------------------

    def trade_honestly(self) -> None:
        """Once: an order and a trade of half of it that are as they should be, so that something is its own."""
        self.send("own_order", ("FCALL", "hs_propose", 1, QUEUE, pack(self.order(id="bad-own", quantity="0.1"))))
        self.listen_until(lambda: self.own == "bad-own")
        self.send("own_fill", report(self.fill(order_id=self.own, trade_id="t-own")))
        self.listen_until(lambda: bool(self.own_stop))

    def listen_until(self, heard: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not heard() and time.monotonic() < until:
            self.listen()

    def fuzz(self) -> None:
        """Bytes and bodies by chance, wherever a client may write."""
        bodies = [self.chance() for _ in range(30)]
        self.send("fuzzed_queue", *(("XADD", QUEUE, "*", "m", body) for body in bodies))
        self.send("fuzzed_function", *(("FCALL", "hs_propose", 1, QUEUE, body) for body in bodies))
        mine = [body for body in bodies if b"ETH/USDT" not in body]
        self.send("fuzzed_reports", *(("XADD", REPORTS, "*", "m", body) for body in mine))
        self.send("fuzzed_signals", *(("XADD", SIGNALS, "*", "m", body) for body in bodies))
        self.send("fuzzed_questions", *(("PUBLISH", ASK, body) for body in bodies))
        self.send("odd_entries", ("XADD", QUEUE, "*", "n", "x"), ("XADD", QUEUE, "*", "m", b"x" * 3_000_000),
                  ("XADD", REPORTS, "*", "m", "a", "m", "b"))  # fmt: skip

    def chance(self) -> bytes:
        if self.random.random() < 0.3:
            return self.random.randbytes(self.random.randrange(300))
        base = self.random.choice([self.order, self.fill, dict])()
        for _ in range(self.random.randrange(1, 4)):
            base[self.random.choice(FIELDS)] = self.random.choice(ODD)
        if self.random.random() < 0.3:
            base["type"] = self.random.choice(KINDS)
        if base.get("symbol") == "ETH/USDT" or "symbol" not in base:
            base["symbol"] = MINE  # what it claims of others' pairs is told apart below
        body = pack(base)
        if self.random.random() < 0.2:
            body = body[: self.random.randrange(len(body))]
        return body

    def claim(self) -> None:
        """Trades that nobody approved, of more than is held, at prices that there are not."""
        own = {"order_id": self.own}
        self.send("unapproved_fills", *(report(self.fill()) for _ in range(3)))
        sold = {"side": "sell", "quantity": "1000"}
        self.send("oversold_fills", report(self.fill(**sold, **own)),
                  report(self.fill(**sold, stop=True, order_id=self.own_stop)),
                  report(self.fill(**sold, stop=True, order_id=f"stop-{self.number}")))  # fmt: skip
        self.send("overfills", report(self.fill(quantity="1000", **own)))
        self.send("odd_prices", report(self.fill(price="0.0001", **own)), report(self.fill(price="9e17", **own)))
        self.send("changed_trades", report(self.fill(trade_id="t-own", quantity="0.049", **own)))
        self.send("odd_ends", report({"type": "ClosedReported", "id": self.next_id(), "time_ns": 0, "symbol": MINE,
                                      "ending": "filled", "quantity_filled": "7", **own}))  # fmt: skip
        self.send("odd_stops", report({"type": "StopReported", "id": self.next_id(), "time_ns": 0, "symbol": MINE,
                                       "stop_price": "99999", "quantity": "0.05"}))  # fmt: skip

    def steal(self) -> None:
        """Fills and ends of what was approved to others, under its own name."""
        for order in self.approved[-5:]:
            about = {"order_id": order["order_id"], "symbol": order["symbol"], "side": order["side"]}
            self.send("fills_of_others", report(self.fill(quantity=order["quantity_approved"], **about)))
            end = {"type": "ClosedReported", "id": self.next_id(), "time_ns": 0, "ending": "cancelled",
                   "quantity_filled": "0", "client": ME}  # fmt: skip
            self.send("ends_of_others", report(end | {name: order[name] for name in ("order_id", "symbol")}))
            for kind, client in (("forged_clients", order["client"]), ("empty_clients", "")):
                said = [about_it | {"client": client} for about_it in self.about(order)]
                self.send(kind, *map(report, said))
                self.send("bare_reports", *(("XADD", REPORTED, "*", "m", pack(body)) for body in said))
                self.send("reports_in_others_queues", *(("XADD", THEIRS, "*", "m", pack(body)) for body in said),
                          *(("FCALL", "hs_report", 1, THEIRS, pack(body)) for body in said))  # fmt: skip
            self.send("ids_of_others", ("FCALL", "hs_propose", 1, QUEUE, pack(self.order(id=order["order_id"]))))

    def about(self, order: Body) -> list[Body]:
        """What its own client might report of an order: that it stands there, has traded, is over."""
        named = {"order_id": order["order_id"], "symbol": order["symbol"], "time_ns": 0}
        whole = {"quantity": order["quantity_approved"]}
        return [
            {"type": "PlacedReported", "id": self.next_id()} | named | whole,
            self.fill(side=order["side"]) | named | whole,
            {"type": "ClosedReported", "id": self.next_id(), "ending": "cancelled", "quantity_filled": "0"} | named,
        ]

    def meddle(self) -> None:
        """What would halt the pairs of others, or sell there: stops, trades of nobody's, what cannot be read."""
        for symbol, stop in self.stops.items():
            for client in (ME, "honest", ""):
                told = {"symbol": symbol, "client": client}
                base = {"type": "StopReported", "time_ns": 0, "stop_price": "90", "quantity": stop["quantity"]} | told
                self.send("stops_of_others", report(base | {"id": self.next_id()}),
                          report(base | {"id": self.next_id(), "working": False}))  # fmt: skip
                sold = {"order_id": stop["order_id"], "side": "sell", "stop": True}
                self.send("stop_fills_of_others", report(self.fill(**sold, **told)),
                          report(self.fill(**sold, **told, quantity="1000")))  # fmt: skip
                ended = {"type": "ClosedReported", "id": self.next_id(), "time_ns": 0, "ending": "cancelled",
                         "quantity_filled": "0", "order_id": stop["order_id"]}  # fmt: skip
                self.send("stop_ends_of_others", report(ended | told))
                self.send("unapproved_in_others_pairs", report(self.fill(**told)), report(self.fill(**told, stop=True)),
                          report(self.fill(**told, side="sell", quantity="1000")))  # fmt: skip
                self.send("own_order_in_others_pairs", report(self.fill(**told, order_id=self.own)))
                self.send("unreadable_in_others_pairs", report(self.fill(**told, price="odd")),
                          report(self.fill(**told, price="odd", order_id=stop["order_id"])))  # fmt: skip

    def guess(self) -> None:
        """What others will propose and report: their ids follow a pattern."""
        numbers = [int(order["order_id"].rpartition("-")[2]) for order in self.approved[-1:]]
        for number in [number + ahead for number in numbers for ahead in range(1, 4)]:
            to_come = f"honest-{number}"
            self.send("orders_to_come", report(self.fill(order_id=to_come)))
            trade = hashlib.blake2b(f"{to_come}\x1f{to_come}-1".encode(), digest_size=10).hexdigest()
            self.send("answers_to_come", report(self.fill(order_id=to_come) | {"id": f"fill-{trade}"}),
                      report(self.fill(order_id=self.own, quantity="1000") | {"id": f"fill-{trade}"}))  # fmt: skip

    def replay(self) -> None:
        """What others wrote, written again: as it was, and where it does not belong."""
        rows = self.server.xrevrange(f"{HOME}:clients:honest", count=10) + self.server.xrevrange(THEIRS, count=10)
        old = [fields[b"m"] for _, fields in rows if b"m" in fields] + [body for _, body in self.heard[-10:]]
        kept = [body for body in old if len(body) < 65_536]
        self.send("replayed_to_queue", *(("XADD", QUEUE, "*", "m", body) for body in kept))
        honest = [fields[b"m"] for _, fields in rows if b"honest" in fields.get(b"m", b"")]
        self.send("replayed_reports", *(("XADD", REPORTS, "*", "m", body) for body in honest))
        for stream, body in self.heard[-5:]:
            self.send("replayed_in_place", ("XADD", stream, "*", "m", body), ("PUBLISH", stream, body))

    def forge(self) -> None:
        """Into the queue of one that has to sign, with its password and without its key."""
        rows = [fields for _, fields in self.stolen.xrange(STOLEN, count=3)]  # what it signed itself comes first
        bodies = [pack(self.order(id=f"forged-{self.next_id()}"[:36])) for _ in range(5)]
        genuine = next((fields for fields in rows if b"s" in fields), {b"m": bodies[0], b"s": b"none yet"})
        signatures = {
            "not_signed": b"",
            "signed_by_chance": b"hmac-sha256 k1 1700000000000 " + self.random.randbytes(32).hex().encode(),
            "signed_oddly": self.random.randbytes(50),
            "signatures_of_other_bodies": genuine[b"s"],
            "signatures_of_other_names": self.signature(STOLEN, bodies[4]),
        }
        for body, (what, signature) in zip(bodies, signatures.items(), strict=True):
            beside = ("s", signature) if signature else ()
            put, written = ("FCALL", "hs_propose", 1, STOLEN, body), ("XADD", STOLEN, "*", "m", body)
            self.send(what, (*put, *beside), (*written, *beside), through=self.stolen)
        copy = ("XADD", STOLEN, "*", "m", genuine[b"m"], "s", genuine[b"s"])
        self.send("copies_of_signed", copy, through=self.stolen)

    def signature(self, queue: str, body: bytes) -> bytes:
        """By the own key."""
        head = f"hmac-sha256 {self.key_id} {time.time_ns() // 1_000_000} ".encode()  # noqa: TID251 - it is a client
        return head + hmac.digest(self.secret, head + queue.encode() + b"\n" + body, "sha256").hex().encode()

    # More than anybody reads: orders that are rejected, repeats of one, questions, signals, cancels of nothing.

    def flood_orders(self) -> None:
        odd = [pack(self.order(stop_price="150")) for _ in range(FLOOD)]
        self.send("flood_of_orders", *(("FCALL", "hs_propose", 1, QUEUE, body) for body in odd))

    def flood_repeats(self) -> None:
        same = pack(self.order(id="bad-own", quantity="0.1"))
        self.send("flood_of_repeats", *(("FCALL", "hs_propose", 1, QUEUE, same) for _ in range(FLOOD)))

    def flood_questions(self) -> None:
        ask = {"type": "RoomAsked", "id": self.next_id(), "time_ns": 0, "symbol": "", "reply_to": "hs:reply:bad"}
        self.send("flood_of_questions", *(("PUBLISH", ASK, pack(ask)) for _ in range(FLOOD)))

    def flood_signals(self) -> None:
        signal = {"type": "SignalRaised", "time_ns": 0, "strategy": "nobody", "symbol": MINE, "strength": 1.0}
        bodies = [pack(signal | {"id": self.next_id()}) for _ in range(FLOOD)]
        self.send("flood_of_signals", *(("XADD", SIGNALS, "*", "m", body) for body in bodies))

    def flood_by_hand(self) -> None:
        """Past the quota of the function."""
        cancel = {"type": "CancelProposed", "time_ns": 0, "order_id": "never"}
        bodies = [pack(cancel | {"id": self.next_id()}) for _ in range(FLOOD)]
        self.send("flood_by_hand", *(("XADD", QUEUE, "*", "m", body) for body in bodies))

    def trespass(self) -> None:
        """What a client has no right to: every one of these is refused."""
        body = pack(self.order())
        commands = [f"XADD {key} * m x" for key in (DECIDED, EXECUTED, f"{HOME}:control", f"{HOME}:clients:honest",
                                                    f"{HOME}:portfolio", "hs:bars:1d", "hs:dead", REPORTED, THEIRS,
                                                    f"{HOME}:reports:new")]  # fmt: skip
        commands += [f"PUBLISH {DECIDED} x", "HSET hs:marks ETH/USDT x", f"DEL {DECIDED}", "FLUSHALL", "CONFIG GET *",
                     f"SET {HOME}:decision:bad-own x", f"XTRIM {REPORTS} MAXLEN 0", f"XDEL {REPORTS} 1-1",
                     f"XGROUP DESTROY {REPORTS} execution:main:1", f"PUBLISH {REPORTED} x", f"DEL {REPORTED}",
                     "FUNCTION FLUSH", "ACL SETUSER hostile on",
                     f"FCALL hs_commit 1 {HOME}:risk:meta x", f"FCALL hs_trim 1 {THEIRS} 0", "EVAL 1 0",
                     f"FCALL hs_acquire 2 {HOME}:risk:lease {HOME}:risk:meta bad 1"]  # fmt: skip
        self.send("trespasses", *(tuple(command.split()) for command in commands),
                  ("FCALL", "hs_propose", 1, f"{HOME}:clients:honest", body))  # fmt: skip

    def run(self, only: list[str]) -> None:
        """only: the attacks to make; all of them where none is named."""
        attacks: list[Callable[[], None]] = [
            self.fuzz, self.claim, self.steal, self.meddle, self.guess, self.replay, self.forge, self.trespass,
            self.flood_orders,
            self.flood_repeats, self.flood_questions, self.flood_signals, self.flood_by_hand,
        ]  # fmt: skip
        attacks = [attack for attack in attacks if not only or attack.__name__ in only]
        self.trade_honestly()
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            self.listen()
            self.random.shuffle(attacks)
            for attack in attacks:
                attack()
            self.counts["rounds"] += 1
        print(json.dumps({"counts": self.counts, "said": self.said, "forbidden": self.forbidden}), flush=True)


def pack(body: Body) -> bytes:
    packed: bytes = msgpack.packb(body)
    return packed


def report(body: Body) -> tuple[Any, ...]:
    return ("FCALL", "hs_report", 1, REPORTS, pack(body))


def word_of(error: Exception) -> str:
    """redis-py takes the word NOPERM away, and makes it a class."""
    return "NOPERM" if isinstance(error, redis.exceptions.NoPermissionError) else str(error).split(" ")[0]


if __name__ == "__main__":
    Hostile(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]).run(sys.argv[5:])
