"""A bot of its own: it proposes, executes what was approved at prices that it makes up, and reports.

It knows nothing of heatsink but its messages. ``small_bot.py URL FOLDER [ID:QUANTITY...] [--hang]``; with ``--hang`` it
stands still when it hears an approval, as if it had lost its exchange. What it has done is in FOLDER.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgpack
import redis

DECIDED, EXECUTED, REPORTED = (f"hs:{{main}}:orders:{name}" for name in ("decided", "executed", "reported"))
PRICE, FEE = 1_500.0, 0.001


class Bot:
    def __init__(self, url: str, folder: Path, *, hangs: bool) -> None:
        self.server, self.hangs = redis.Redis.from_url(url), hangs
        self.file = folder / "small_bot.json"
        self.state = {"cursors": {DECIDED: "0", EXECUTED: "0"}, "done": [], "reports": 0}
        if self.file.exists():
            self.state = json.loads(self.file.read_text())

    def propose(self, order_id: str, quantity: str) -> None:
        order = {"type": "OrderProposed", "id": order_id, "time_ns": 0, "symbol": "ETH/USDT", "side": "buy",
                 "quantity": quantity, "stop_price": "1425", "strategy": "mine"}  # fmt: skip
        self.server.xadd("hs:{main}:orders:proposed", {"m": msgpack.packb(order)})

    def report(self, kind: str, **fields: Any) -> None:
        self.state["reports"] += 1
        body = {"type": kind, "id": f"bot-{self.state['reports']}", "time_ns": 0, "symbol": "ETH/USDT", **fields}
        self.server.xadd(REPORTED, {"m": msgpack.packb(body)})

    def execute(self, order: dict[str, Any]) -> None:
        """In two trades, each told twice, as a bot does that is not sure."""
        halves = [float(order["quantity_approved"]) / 2] * 2
        for number, half in enumerate(halves):
            for _ in range(2):
                self.report(
                    "FillReported", order_id=order["order_id"], trade_id=f"{order['order_id']}-{number}",
                    side=order["side"], quantity=f"{half:.5f}", price=f"{PRICE + number}",
                    fee_usdt=f"{half * PRICE * FEE:.4f}",
                )  # fmt: skip

    def hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "OrderDecided" if (
                message["quantity_approved"] != "0" and message["order_id"] not in self.state["done"]
            ):
                if self.hangs:
                    print("hangs", message["order_id"], flush=True)
                    time.sleep(3600)
                self.state["done"].append(message["order_id"])
                self.execute(message)
            case "ReportAwaited" if message["what"] == "stop":
                self.report("StopReported", stop_price=message["stop_price"], quantity=message["quantity"])
            case _:
                pass

    def keep(self) -> None:
        """Whole or not at all: it is killed at any moment."""
        half = self.file.with_suffix(".half")
        half.write_text(json.dumps(self.state))
        half.replace(self.file)

    def run(self) -> None:
        while True:
            for stream, entries in self.server.xread(self.state["cursors"], block=200) or ():
                for entry, fields in entries:
                    self.hear(msgpack.unpackb(fields[b"m"]))
                    self.state["cursors"][stream.decode()] = entry.decode()
                    self.keep()


if __name__ == "__main__":
    url, folder, *rest = sys.argv[1:]
    bot = Bot(url, Path(folder), hangs="--hang" in rest)
    for order in rest:
        if ":" in order:
            bot.propose(*order.split(":"))
    bot.run()
