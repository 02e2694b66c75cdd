"""The file of the witness: it never goes back, and a torn line costs one look at the past, never all of it."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.witness import LINE_BYTES, MOST_DATA, Seen, Witness, known_as, read, write
from shared.ports.errors import StateGoneError
from tests.examples import examples
from tests.market_data.market_stage import LogLines
from tests.patience import until


def seen(seq: int, data: str = "data", digest: str = "7") -> Seen:
    return Seen(data=data, seq=seq, digest=digest)


def test_the_highest_commit_that_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "risk-main.json"
    assert read(file) is None
    for seq in (1, 2, 5, 4):
        write(file, seen(seq))
    assert read(file) == seen(5)
    assert file.stat().st_mode & 0o077 == 0


def test_it_goes_back_only_where_the_loss_was_accepted(tmp_path: Path) -> None:
    file = tmp_path / "risk-main.json"
    for seq in (8, 9):
        write(file, seen(seq))
    write(file, seen(3), back=True)
    assert read(file) == seen(3)


@pytest.mark.parametrize("torn", [0, 1])
def test_of_two_lines_one_may_be_torn_by_a_loss_of_power(tmp_path: Path, torn: int) -> None:
    file = tmp_path / "risk-main.json"
    for seq in (8, 9):
        write(file, seen(seq))
    body = bytearray(file.read_bytes())
    body[torn * LINE_BYTES + 12] ^= 0xFF
    file.write_bytes(body)
    found = read(file)
    assert found is not None
    assert found.seq in (8, 9)


@pytest.mark.parametrize("body", [b"garbage", b"\x00" * LINE_BYTES, b"{}", b"\xff" * 3 * LINE_BYTES])
def test_a_file_that_nobody_can_read_is_not_taken_for_none(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "risk-main.json"
    file.write_bytes(body)
    with pytest.raises(StateGoneError, match="is damaged"):
        read(file)


@examples(30)
@given(identity=st.text(max_size=3 * MOST_DATA), seqs=st.lists(st.integers(1, 2**53), min_size=1, max_size=5))
def test_whatever_the_data_is_called_a_line_has_room_for_it(
    tmp_path_factory: pytest.TempPathFactory, identity: str, seqs: list[int]
) -> None:
    file = tmp_path_factory.mktemp("witness") / "risk.json"
    for seq in seqs:
        write(file, seen(seq, known_as(identity), str(2**64 - 1)))
    assert read(file) == seen(max(seqs), known_as(identity), str(2**64 - 1))


async def test_what_is_noted_stands_in_the_file_soon_and_at_the_end_all_of_it(tmp_path: Path) -> None:
    witness, file = Witness(), tmp_path / "folder" / "risk.json"
    witness.open(file)
    running = asyncio.ensure_future(witness.run(LogLines()))
    witness.note("data", 1, 11)
    await until(lambda: read(file))
    for seq in range(2, 50):
        witness.note("data", seq, seq)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert read(file) == seen(49, digest="49")
    other = Witness()
    other.open(file)
    assert other.seen == seen(49, digest="49")


async def test_a_file_that_cannot_be_written_is_told_of_once_and_stops_nobody(tmp_path: Path) -> None:
    witness, log = Witness(), LogLines()
    witness.open(tmp_path / "risk.json")
    (tmp_path / "risk.json").mkdir()
    for seq in (1, 2, 3):
        witness.note("data", seq, seq)
        witness._write(log)
    assert [event for event, _ in log.lines] == ["witness_not_written"]
