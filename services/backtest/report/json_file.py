"""All of a backtest as JSON: what was recorded, and the figures made of it. The same backtest gives the same bytes."""

from services.backtest.result import Backtest
from services.backtest.statistics import Figures
from shared.adapters.plain_amounts import json_bytes

VERSION = 1


def as_json(backtest: Backtest, figures: Figures) -> bytes:
    """One object, in one line: its version, the figures, the variants, the run, and the run's digest."""
    return (
        json_bytes(
            {
                "version": VERSION,
                "digest": backtest.digest,
                "figures": figures,
                "variants": backtest.variants,
                "run": backtest.run,
            }
        )
        + b"\n"
    )
