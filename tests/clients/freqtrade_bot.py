"""Unmodified freqtrade as a process, and what stands in its own database."""

import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.clients.bot_stack import BotStack, bot_program
from tests.clients.gate_harness import killed
from tests.shipped import bare_environ

COINS = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "LTC", "DOGE")
WALLET_USDT = 200_000
LOOP_SECONDS = 60  # of market time: freqtrade's loop, which takes a few seconds of it
ENDED = "ft_is_open = 0 AND filled > 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An open trade of freqtrade's."""

    amount: Decimal
    stop: float


class FreqtradeBot:
    def __init__(self, stack: BotStack, *, strategy: str, dry_run: bool) -> None:
        self.stack, self.strategy = stack, strategy
        self.folder = stack.folder / "user_data"
        self.folder.mkdir()
        self.database = stack.folder / "trades.sqlite"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = stack.folder / "freqtrade.log"
        (stack.folder / "freqtrade.json").write_text(json.dumps(configuration(stack.exchange_url, dry_run=dry_run)))

    def start(self) -> None:
        command = (
            str(bot_program("freqtrade")), "trade", "--userdir", str(self.folder), "--strategy", self.strategy,
            "--config", str(self.stack.folder / "freqtrade.json"), "--strategy-path", str(Path(__file__).parent),
            "--db-url", f"sqlite:///{self.database}",
        )  # fmt: skip
        environ = bare_environ() | self.stack.clock_environ | {"FREQTRADE__HEATSINK__URL": self.stack.url}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        killed(self.process)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def has_stored_what_it_sent(self) -> bool:
        """Whether every order that the mixin let through stands in freqtrade's own database, or is over."""
        journal = self.folder / "heatsink.freqtrade.live.sqlite"
        return self.rows("SELECT count(*) FROM orders WHERE state = 'open' AND order_id = ''", journal) == [(0,)]

    def rows(self, query: str, of: Path | None = None) -> list[Any]:
        """Of freqtrade's database, or of another file; none while there is none."""
        database = of or self.database
        if not database.exists():
            return []
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as file:
            try:
                return file.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def held(self) -> dict[str, Held]:
        rows = self.rows("SELECT pair, amount, stop_loss FROM trades WHERE is_open = 1 AND amount > 0")
        return {pair: Held(amount=Decimal(repr(amount)), stop=stop) for pair, amount, stop in rows}

    def fills(self) -> list[tuple[str, str, Decimal, Decimal]]:
        """Side, pair, quantity and price of every order that has filled."""
        amounts = "filled - coalesce(ft_fee_base, 0), coalesce(average, price)"
        rows = self.rows(f"SELECT ft_order_side, ft_pair, {amounts} FROM orders WHERE {ENDED}")
        return sorted(
            ("buy" if side == "buy" else "sell", pair, Decimal(repr(round(filled, 10))), Decimal(repr(price)))
            for side, pair, filled, price in rows
        )

    def stops(self) -> dict[str, float]:
        """Where stops rest at the exchange, by pair."""
        return dict(
            self.rows("SELECT ft_pair, ft_price FROM orders WHERE ft_order_side = 'stoploss' AND ft_is_open = 1")
        )

    def stops_that_sold(self) -> int:
        """Orders that rested at the exchange."""
        [(count,)] = self.rows(f"SELECT count(*) FROM orders WHERE ft_order_side = 'stoploss' AND {ENDED}")
        return int(count)

    def purchases(self) -> set[str]:
        """The orders that it has sent. Those that are cancelled unfilled it forgets."""
        return {order_id for (order_id,) in self.rows("SELECT order_id FROM orders WHERE ft_order_side = 'buy'")}


def configuration(exchange_url: str, *, dry_run: bool) -> dict[str, Any]:
    """As a user writes it; only the exchange's address is ours."""
    api = f"{exchange_url}/api/v3"
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
    ccxt = {"urls": {"api": {"public": api, "private": api}}, "options": options, "enableRateLimit": False}
    return {
        "max_open_trades": len(COINS),
        "stake_currency": "USDT",
        "stake_amount": "unlimited",
        "tradable_balance_ratio": 0.99,
        "dry_run": dry_run,
        "dry_run_wallet": WALLET_USDT,
        "trading_mode": "spot",
        "margin_mode": "",
        "exchange": {
            "name": "binance", "key": "k", "secret": "s", "enable_ws": False,
            "pair_whitelist": [f"{coin}/USDT" for coin in COINS], "ccxt_config": ccxt,
        },
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "bot_name": "wanting",
        "initial_state": "running",
        "internals": {"process_throttle_secs": LOOP_SECONDS},
    }  # fmt: skip
