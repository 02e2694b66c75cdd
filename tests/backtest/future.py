"""What a strategy that cheats would look at: every close that a reader has handed out, the future ones too."""

from services.backtest.market.reader import KlineReader, Spans
from shared.adapters.klines.columns import Columns
from shared.domain.timeframes import MS_NS

CLOSES: dict[tuple[str, int], float] = {}  # by exchange symbol and opening time in ns


class FromTheFuture:
    """Another reader, of which all that it hands out stands in ``CLOSES``. Made anew, it begins with nothing."""

    def __init__(self, reader: KlineReader) -> None:
        self._reader, self.timeframes = reader, reader.timeframes
        CLOSES.clear()

    def spans(self, timeframe: str) -> Spans:
        return self._reader.spans(timeframe)

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        found = self._reader.read(timeframe, symbols, start_ms, end_ms)
        for symbol, columns in found.items():
            for open_ms, close in zip(columns.open_ms.tolist(), columns.close.tolist(), strict=True):
                CLOSES[symbol, open_ms * MS_NS] = close
        return found
