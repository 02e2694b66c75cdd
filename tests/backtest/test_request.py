"""The command that a report tells repeats its run: days that were left out and numbers are in it as they were used."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.backtest.request import Request, options_of
from shared.adapters.klines.manifest import Source
from shared.adapters.klines.store import KlineStore
from tests.backtest.random_market import random_reader
from tests.examples import examples
from tests.shipped import SHIPPED


@examples(50)
@given(st.floats(0.0, 1e6), st.floats(0.0, 1e3))
def test_numbers_are_told_to_the_last_digit(hours: float, factor: float) -> None:
    words = [*Request(resume_after_hours=hours, cost_factor=factor).command.split(), "--none"]
    told = {name: words[words.index(name) + 1] for name in ("--resume-after", "--costs") if name in words}
    assert float(told.get("--resume-after", 24.0)) == hours
    assert float(told.get("--costs", 1.0)) == factor


def test_days_that_were_left_out_are_told_for_a_store_may_grow(tmp_path: Path) -> None:
    with KlineStore(tmp_path / "binance").writing() as writer:
        writer.write("15m", "BTCUSDT", random_reader(5, bar="15m", days=4).columns["BTCUSDT"], Source(name="made up"))
    options = options_of(Request(store=tmp_path / "binance", config_dir=SHIPPED, pairs="BTC", start="2024-01-02"))
    assert options.command.startswith("heatsink backtest --from 2024-01-02 --to 2024-01-05 --pairs BTC")


def test_pairs_may_be_written_as_everywhere_and_by_a_former_name(tmp_path: Path) -> None:
    asked = Request(
        store=tmp_path, config_dir=SHIPPED, start="2024-01-01", end="2024-01-02", pairs="eth-usdt, BTCUSDT,matic,pol"
    )
    assert options_of(asked).pairs == ("ETH/USDT", "BTC/USDT", "POL/USDT")
