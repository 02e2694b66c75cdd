"""ADV and daily volatility of pairs from a file or store of daily bars, as they were known at any time."""

from bisect import bisect_right
from pathlib import Path

from services.backtest.slippage.observations import Figures
from shared.adapters.klines.columns import Columns, RecordingError
from shared.adapters.klines.recordings import open_recording
from shared.domain.bars.series import DailyFigures, DailyHistory
from shared.domain.plan import SizingPlan
from shared.domain.timeframes import DAILY, DAY_MS, MS_NS
from shared.domain.universe import exchange_symbol
from shared.messages.market import BarClosed

EVER_MS = 1 << 62
NEAR_MS = 1_735_689_600_000  # 2025-01-01: of a file that mixes bar lengths, those of then are read


class FiguresOfDays:
    """The figures of every pair that is asked for. Raises ``RecordingError`` for bars that are not daily."""

    def __init__(self, path: Path, plan: SizingPlan) -> None:
        self._recording = open_recording(path, NEAR_MS)
        if self._recording.bar_ms != DAY_MS:
            hours = self._recording.bar_ms / 3_600_000
            raise RecordingError(f"{path}: its bars are {hours:g} hours long; daily ones are needed")
        self._plan = plan
        self._known: dict[str, list[DailyFigures]] = {}

    def at(self, symbol: str, time_ns: int) -> Figures:
        """ADV and sigma_day of the days that had closed by then; None for what they do not tell, or are too old for."""
        if symbol not in self._known:
            written = {exchange_symbol(symbol)} & set(self._recording.spans)
            found = self._recording.read(written, 0, EVER_MS) if written else {}
            self._known[symbol] = [
                figures for columns in found.values() for figures in _figures(symbol, columns, self._plan)
            ]
        known = self._known[symbol]
        place = bisect_right(known, time_ns, key=lambda figures: figures.close_time_ns)
        if not place or not known[place - 1].is_fresh(time_ns):
            return None, None
        return known[place - 1].adv_usdt, known[place - 1].sigma_day


def _figures(symbol: str, columns: Columns, plan: SizingPlan) -> list[DailyFigures]:
    history, found = DailyHistory(atr_days=plan.atr_days, adv_days=plan.adv_days), []
    for open_ms, *values in zip(columns.open_ms.tolist(), *(each.tolist() for each in columns.values), strict=True):
        opened, high, low, close, volume, quote_volume = values
        history.add(
            BarClosed(
                id=f"day-{open_ms}",
                time_ns=(open_ms + DAY_MS) * MS_NS,
                symbol=symbol,
                timeframe=DAILY,
                open_time_ns=open_ms * MS_NS,
                close_time_ns=(open_ms + DAY_MS) * MS_NS - MS_NS,
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=volume,
                quote_volume=quote_volume,
            )
        )
        found.append(history.latest)
    return found
