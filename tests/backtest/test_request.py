"""What is typed behind ``heatsink backtest``, made into options."""

from pathlib import Path

from services.backtest.request import Request, options_of
from tests.shipped import SHIPPED


def test_pairs_may_be_written_as_everywhere_and_by_a_former_name(tmp_path: Path) -> None:
    asked = Request(
        store=tmp_path, config_dir=SHIPPED, start="2024-01-01", end="2024-01-02", pairs="eth-usdt, BTCUSDT,matic,pol"
    )
    assert options_of(asked).pairs == ("ETH/USDT", "BTC/USDT", "POL/USDT")
