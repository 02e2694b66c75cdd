"""What the names of files say: pair, timeframe, market.

``BTCUSDT-1h-2024-01.zip`` (Binance), ``BTC_USDT-1h.feather`` and ``BTC_USDT_USDT-1h-futures.feather`` (freqtrade),
``BTC-USDT_1h.csv`` or ``binance_BTCUSDT_1h.csv`` (scripts around ccxt).
"""

import re
from itertools import pairwise
from pathlib import Path

from shared.adapters.klines.formats.base import CM_FUTURES, SPOT, UM_FUTURES, Named
from shared.domain.timeframes import KLINE_INTERVALS_MS

QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")
# Klines of something else than trades: they must never stand where those of trades do.
OTHER_KLINES = ("mark", "index", "premiumIndex", "funding", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines")
_BASE = re.compile(r"[A-Z0-9]{1,30}")
_SETTLED = re.compile(r"\d{6}")  # the day on which a dated future ends


def named_by(path: Path) -> Named:
    """What the name and the folders of a file say of it."""
    tokens = re.split(r"[-_. ]+", path.name)
    place = next((place for place, token in enumerate(tokens) if token in KLINE_INTERVALS_MS), None)
    timeframe = "" if place is None else tokens[place]
    market = _market_of(path, tokens)
    names = [token for token in tokens[:place] if _BASE.fullmatch(token)] if place is not None else tokens[:1]
    symbol, settled_apart = _symbol_of(names)
    return Named(symbol, timeframe, UM_FUTURES if settled_apart and not market else market)


def kind_of_other_klines(path: Path) -> str:
    """``mark`` and the like, for files whose rows are no trades; empty for the usual."""
    words = {*re.split(r"[-_. ]+", path.name), *path.parts[:-1][-8:]}
    return next((kind for kind in OTHER_KLINES if kind in words), "")


def _symbol_of(names: list[str]) -> tuple[str, bool]:
    """``BTCUSDT``, and whether the name says that the pair is settled on its own, which only futures are."""
    if not names or not _BASE.fullmatch(names[0]):
        return "", False
    base, rest = names[0], names[1:]
    if rest and rest[0] in QUOTES:
        return f"{base}{rest[0]}", len(rest) > 1
    if rest and _SETTLED.fullmatch(rest[0]):
        return f"{base}_{rest[0]}", True
    return (base, False) if any(base.endswith(quote) and base != quote for quote in QUOTES) else ("", False)


def _market_of(path: Path, tokens: list[str]) -> str:
    folders = path.parts[:-1]
    if "futures" in tokens:
        return UM_FUTURES
    for folder, kind in (("um", UM_FUTURES), ("cm", CM_FUTURES)):
        if ("futures", folder) in pairwise(folders):
            return kind
    return SPOT if "spot" in folders else ""
