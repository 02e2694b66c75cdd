"""What a run was made of, in one number each: the same numbers give the same result."""

import hashlib
from dataclasses import fields
from pathlib import Path

import msgspec

from services.backtest.options import BacktestOptions
from shared.domain.plan import Plan
from shared.domain.strategies import from_file

ROOT = Path(__file__).parents[2]
PACKAGES = ("services", "shared")
# Options that count by what follows from them (settings, pairs, bars), in the digest of the data, or for no figure.
NOT_THEMSELVES = ("settings", "pairs", "bars", "store", "books_path", "every_bar", "command")


def config_digest(options: BacktestOptions) -> str:
    """SHA-256 of the plan, the universe, the portfolio and the options; not of folders or of how it was called."""
    settings = options.run_settings
    asked = {each.name: getattr(options, each.name) for each in fields(options) if each.name not in NOT_THEMSELVES}
    parts = (
        settings.plan,
        settings.universe,
        settings.portfolio,
        settings.market_data.warmup_bars,
        settings.market_data.book_size_usdt,
        options.market_bars,
        asked,
    )
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def code_digest(plan: Plan, root: Path = ROOT) -> str:
    """SHA-256 of all of heatsink's source, and of the strategies of one's own that the plan has."""
    digest = hashlib.sha256(from_file.code_digest(plan).encode())
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
