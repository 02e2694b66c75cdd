"""Files of positions: what is meant by them, and every fault with its place, value and remedy."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.application.position_files import PositionFileError, read_positions
from shared.config.model import Settings
from shared.messages.control import PositionToImport
from tests.domain.risk.risk_harness import UNIVERSE
from tests.examples import examples

D = Decimal
SETTINGS = Settings(universe=UNIVERSE)
ETH = PositionToImport(symbol="ETH/USDT", quantity=D("2.5"), cost=D("1400.10"), stop=D(1_300))
BTC = PositionToImport(symbol="BTC/USDT", quantity=D("0.1"))


def read(folder: Path, text: str | bytes, name: str = "positions.csv") -> Any:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_positions(path, SETTINGS)


def fault(folder: Path, text: str | bytes, name: str = "positions.csv") -> str:
    with pytest.raises(PositionFileError) as caught:
        read(folder, text, name)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["pair,quantity,cost,stop\nETH/USDT,2.5,1400.10,1300\nbtc,0.1,,\ncash,50000,,\n",
     "\ufeffSymbol;Qty;Avg cost;Stop price\r\nETHUSDT;2.5;1400.10;1300\r\n\r\nBTC;0.1\r\nUSDT;50000\r\n",
     "stop\tamount\tmarket\tentry_price\n1300\t2.5\tETH\t1400.10\n\t0.1\tBTC/USDT\t\n\t5e4\tCASH\t\n"],
    ids=["commas", "semicolons", "tabs"],
)  # fmt: skip
def test_a_csv_file_is_read_by_its_line_of_names(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert found.positions == (ETH, BTC)
    assert found.cash == 50_000


def test_a_json_file_has_cash_and_positions_or_is_a_list_of_them(tmp_path: Path) -> None:
    rows = '[{"pair": "ETH", "quantity": 2.5, "cost": "1400.10", "stop": 1300}, {"symbol": "btc", "qty": "0.1"}]'
    assert read(tmp_path, rows, "p.json").positions == (ETH, BTC)
    whole = read(tmp_path, f'{{"cash": 50000, "positions": {rows}}}')  # whatever its name ends with
    assert (whole.positions, whole.cash) == ((ETH, BTC), 50_000)


def test_amounts_are_taken_exactly_as_they_are_written(tmp_path: Path) -> None:
    text = '{"cash": 12000.100000000000001, "positions": [{"pair": "ETH", "quantity": 0.1}]}'
    found = read(tmp_path, text, "p.json")
    assert (found.cash, found.positions[0].quantity) == (D("12000.100000000000001"), D("0.1"))


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "it is empty; its first line names the columns: pair,quantity,cost,stop"),
     ("pair,quantity,cost,stop\n", "it names no position and no cash"),
     ("pair,cost\nETH,1\n", "line 1: no column quantity"),
     ("pair,quantity,stopp\nETH,1,2\n", "'stopp' is none of pair, quantity, cost, stop"),
     ("pair,quantity,qty\nETH,1,2\n", "line 1: two columns mean quantity"),
     ("pair,quantity\nETH,1,500\n", "line 2: 3 values under 2 columns; write 1500.25"),
     ("pair,quantity\nETH,one\n", "line 2: quantity 'one' is no amount; write it like 1500.25"),
     ("pair,quantity\nETH,NaN\n", "line 2: quantity 'NaN' is no amount"),
     ("pair;quantity\nETH;1,5\n", "line 2: quantity '1,5' is no amount; write it like 1500.25"),
     ("pair,quantity\nETH,1e40\n", "line 2: quantity 1e40 has more digits than an amount can have"),
     ("pair,quantity\nETH,\n", "line 2: quantity is missing; write how many units are held"),
     ("pair,quantity\n,1\n", "line 2: pair is missing; write BTC/USDT"),
     ("pair,quantity\nETX,1\n", 'line 2: ETX is not in the universe. Did you mean "ETH"?'),
     ("pair,quantity\ncash,1\nUSDT,2\n", "cash stands there 2 times; leave one of them"),
     ("pair,quantity\ncash,\n", "line 2: cash without an amount"),
     ("pair,quantity,stop\ncash,1,2\n", "line 2: stop 2 of cash; leave it out"),
     ('pair,quantity\n"ETH,1\n', "line 2"),
     (b"\xff\xfe\x00", "it is no text in UTF-8"),
     ("{", "it is no JSON: line 1"),
     ('{"positions": 3}', "it is no list of positions"),
     ('{"position": []}', "'position' is none of cash, positions"),
     ("[3]", "position 1 is no object with pair and quantity"),
     ('[{"pair": "ETH", "quantity": true}]', "True is no amount and no pair"),
     ('[{"pair": "ETH", "quantity": 1, "quantity": 2}]', "'quantity' stands twice in one object"),
     ("[" * 100_000, "it is no list of positions"),
     (b"pair,quantity\n" + b"ETH,1\n" * 300_000, "bytes are no list of positions; at most 1,000,000 are read")],
    ids=range(26),
)  # fmt: skip
def test_a_fault_is_told_with_its_place_value_and_remedy(tmp_path: Path, text: str | bytes, told: str) -> None:
    found = fault(tmp_path, text)
    assert f"{tmp_path}/positions.csv: " in found
    assert told in found


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    lines = fault(tmp_path, "pair,quantity\n" + "ETX,1\nETH,x\n" * 30).splitlines()
    assert (len(lines), lines[-1]) == (21, "and 40 more")


def test_more_positions_than_one_command_takes_are_refused(tmp_path: Path) -> None:
    assert "201 positions, and at most 200 are taken at once" in fault(tmp_path, "pair,quantity\n" + "ETH,1\n" * 201)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PositionFileError, match="it cannot be read"):
        read_positions(tmp_path / "none.csv", SETTINGS)


CELLS = st.sampled_from(["", "ETH", "cash", "1", "-0.5", "1e400", "nan", '"', "x" * 90, "\x00", "９"]) | st.text(
    max_size=8
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["pair", "quantity", "cash", "positions", "stop", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(text=st.lists(st.lists(CELLS, max_size=5).map(",".join), max_size=5).map("\n".join) | JSONS.map(json.dumps))
@examples(300)
def test_whatever_stands_in_a_file_it_is_read_or_told(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    for body in (text, f"pair,quantity,cost,stop\n{text}"):
        try:
            found = read(folder, body.encode("utf-8", "replace"))
        except PositionFileError as error:
            assert str(error).startswith(f"{folder}/positions.csv: ")
        else:
            assert all(each.quantity.is_finite() for each in found.positions)
