"""Whether the bars that a run takes are there: said before it begins, with what to type instead."""

from services.backtest.market.market import NoMarketError
from services.backtest.market.reader import KlineReader
from services.backtest.options import BacktestOptions
from shared.domain.timeframes import timeframe_ns


def require_bars(options: BacktestOptions, reader: KlineReader) -> None:
    """Raises ``NoMarketError`` where a strategy, or the market, would never see a bar."""
    there = sorted(reader.timeframes, key=timeframe_ns)
    has = f"the store has {', '.join(there) or 'nothing'}"
    if options.bars and not _can_be_made(options.bars, there):
        raise NoMarketError(f"--bars {options.bars}: {has}; leave --bars out, or import {options.bars}")
    wanted = {strategy.name: strategy.timeframe for strategy in options.settings.plan.strategies}
    if missing := {name: bars for name, bars in wanted.items() if not _can_be_made(bars, there)}:
        raise NoMarketError(_missing_bars(missing, there, has))


def _missing_bars(missing: dict[str, str], there: list[str], has: str) -> str:
    bars = ", ".join(sorted(set(missing.values()), key=timeframe_ns))
    who = " and ".join(f"{name} ({each})" for name, each in missing.items())
    told = f"bars {bars}: {has}, and these strategies decide on others: {who}. Import {bars}"
    longer = {name: _next(each, there) for name, each in missing.items()}
    changes = [f"--set strategies.{name}.timeframe={each}" for name, each in longer.items() if each]
    return f"{told}, or try them on bars that are there: {' '.join(changes)}" if changes else told


def _next(timeframe: str, there: list[str]) -> str:
    """The shortest of the store's that is longer; empty for none."""
    return next((each for each in there if timeframe_ns(each) > timeframe_ns(timeframe)), "")


def _can_be_made(timeframe: str, there: list[str]) -> bool:
    return any(timeframe_ns(timeframe) % timeframe_ns(each) == 0 for each in there)
