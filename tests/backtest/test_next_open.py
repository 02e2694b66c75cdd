"""Orders that fill at the next open: what the rest of that bar does to them."""

from services.backtest.run import BacktestRun
from shared.domain.timeframes import HOUR_NS, MS_NS
from shared.messages.orders import OrderFilled
from tests.backtest.random_market import RandomReader, random_options, random_reader


def played(reader: RandomReader) -> tuple[BacktestRun, list[OrderFilled]]:
    run = BacktestRun(random_options(fill="next_open"), reader)
    return run, [each for messages in run.instants() for each in messages if isinstance(each, OrderFilled)]


def test_a_stop_is_hit_in_the_very_bar_at_whose_open_the_position_was_bought() -> None:
    """The low of a bar comes after its open, so the stop of what was bought there has met it."""
    _, fills = played(random_reader(3))
    bought = next(fill for fill in fills if fill.side == "buy" and fill.stop_price is not None)
    assert bought.time_ns % HOUR_NS == 0
    reader = random_reader(3)
    columns = reader.columns[bought.symbol.replace("/", "")]
    place = int(columns.open_ms.searchsorted(bought.time_ns // MS_NS))
    assert columns.close[place] > float(bought.stop_price or 0)
    columns.low[place] = 0.99 * float(bought.stop_price or 0)  # down through the stop, and up again before the close
    run, again = played(reader)
    assert bought in again
    stopped = next(fill for fill in again if fill.stop and fill.symbol == bought.symbol)
    assert bought.time_ns < stopped.time_ns < bought.time_ns + HOUR_NS
    assert not any(trade.hangs_on_order for trade in run.result().trades)  # the open is known to come first
