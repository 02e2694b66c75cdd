"""What the exchange says of a bar, as the message that goes out."""

from msgspec.structs import replace

from shared.domain.timeframes import MS_NS
from shared.domain.universe import Rename
from shared.messages.market import BarClosed
from shared.ports.exchange import Kline


def closed_bar(kline: Kline, *, backfilled: bool) -> BarClosed:
    """A finished bar. Its id names pair, timeframe and open time: the same bar is the same message."""
    bar_id = f"{kline.symbol.replace('/', '')}-{kline.timeframe}-{kline.open_time_ns // MS_NS}"
    return BarClosed(
        id=bar_id,
        trace=bar_id,
        time_ns=kline.close_time_ns,
        symbol=kline.symbol,
        timeframe=kline.timeframe,
        open_time_ns=kline.open_time_ns,
        close_time_ns=kline.close_time_ns,
        open=kline.open,
        high=kline.high,
        low=kline.low,
        close=kline.close,
        volume=kline.volume,
        quote_volume=kline.quote_volume,
        trades=kline.trades,
        backfilled=backfilled,
    )


def renamed_kline(kline: Kline, symbol: str, rename: Rename) -> Kline:
    """A bar of the former name in units of the new one: ``ratio`` new units for each old one, the same money."""
    ratio = float(rename.ratio)
    if ratio == 1.0:
        return replace(kline, symbol=symbol)
    return replace(
        kline,
        symbol=symbol,
        open=kline.open / ratio,
        high=kline.high / ratio,
        low=kline.low / ratio,
        close=kline.close / ratio,
        volume=kline.volume * ratio,
    )
