"""``heatsink slippage`` and ``heatsink data record-books``, as people type them."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from services.backtest.slippage.results import SlippageReport
from shared.adapters.books.files import HeardBook
from shared.adapters.books.recorded import RecordedBooks
from shared.adapters.books.recorder import JOURNAL, BookRecorder
from shared.adapters.plain_amounts import json_bytes
from shared.adapters.redis.bus import RedisBus
from shared.domain.timeframes import MINUTE_NS
from tests.cli.verbs.sample_server import Heatsink
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS, killed_at_the_end
from tests.samples import T0, bar, book, decision, fill


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Two hours of books."""
    folder = tmp_path / "books"
    with BookRecorder(folder, "binance") as recorder:
        for minute in range(120):
            one = book(time_ns=T0 + minute * MINUTE_NS, asks=((20_501.0, 2.0 + minute / 1_000), (20_510.0, 60.0)))
            bids = ((20_500.0, 1.5 + minute / 1_000), (20_490.0, 60.0))
            recorder.take(HeardBook(book=structs.replace(one, bids=bids), adv_usdt=1e9, sigma_day=0.03))
    return folder


def test_recorded_books_are_compared_in_tables_and_what_they_do_not_show_is_said(
    heatsink: Heatsink, recorded: Path
) -> None:
    result = heatsink("slippage", str(recorded))
    assert result.exit_code == 0, result.output
    for text in (
        "Model: half spread 0.05% + 1 x sigma",
        "all liquid",
        "BTC/USDT",
        "too cheap",
        "What this does not show",
    ):
        assert text in result.stdout


def test_all_figures_go_into_a_file_and_are_the_same_every_time(heatsink: Heatsink, recorded: Path) -> None:
    first, again = recorded.parent / "one" / "report.json", recorded.parent / "again.json"
    assert heatsink("slippage", str(recorded), "--out", str(first)).exit_code == 0
    printed = heatsink("slippage", str(recorded), "--out", str(again), "--json").stdout
    report = msgspec.json.decode(first.read_bytes(), type=SlippageReport)
    assert (report.sources[0].samples, len(report.pairs)) == (120, 8)
    assert json.loads(printed) == json.loads(first.read_bytes())
    assert first.read_bytes() == again.read_bytes()


def test_fills_of_a_file_and_of_the_running_stack_are_compared(
    valkey_server: str, heatsink: Heatsink, tmp_path: Path
) -> None:
    days = [bar(timeframe="1d", hour=24 * day, close=20_000.0 + day) for day in range(-25, 0)]
    path = tmp_path / "fills.jsonl"
    path.write_bytes(b"\n".join(map(json_bytes, [*days, decision("o-1"), fill("o-1")])))
    from_file = json.loads(heatsink("slippage", "--fills", str(path), "--json").stdout)["fills"]

    async def publish_days() -> None:
        async with RedisBus.open(valkey_server, MAIN) as bus:
            await bus.publish(days)

    asyncio.run(publish_days())
    live = json.loads(heatsink("slippage", "--live", "--json").stdout)["fills"]
    assert from_file[0]["fills"] == 1
    assert "market" in {row["kind"] for row in live}
    assert "market" in heatsink("slippage", "--fills", str(path)).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Nothing to compare with"),
        (("none",), "there is nothing; heatsink data record-books records books"),
        (("--fills", "none.jsonl"), "none.jsonl: cannot be read"),
        (("--fills", "none.jsonl", "--daily", "none.parquet"), "none.parquet"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    heatsink: Heatsink, arguments: tuple[str, ...], sentence: str
) -> None:
    result = heatsink("slippage", *arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.output


# --- recording --------------------------------------------------------------------------------------------------------


def set_books(url: str, *minutes: int) -> None:
    async def publish() -> None:
        async with RedisBus.open(url, MAIN) as bus:
            await bus.client.delete("hs:books")
            for minute in minutes:
                await bus.set_books([book(f"book-{minute}", time_ns=T0 + minute * MINUTE_NS)])

    asyncio.run(publish())


def test_books_of_a_running_stack_are_recorded_and_the_next_run_goes_on(
    valkey_server: str, heatsink: Heatsink, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    for minute in (1, 2):
        set_books(valkey_server, minute)
        result = heatsink("data", "record-books", "--store", str(store), "--seconds", "1")
        assert result.exit_code == 0, result.output
    assert f"Recording books to {store / 'sim' / 'books'}" in result.stdout
    assert [each.id for each in RecordedBooks(store / "sim" / "books").between()] == ["book-1", "book-2"]


def test_books_of_another_stack_are_refused_in_a_sentence(
    valkey_server: str, heatsink: Heatsink, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with BookRecorder(store / "sim" / "books", "sim of old") as recorder:
        recorder.seal()
    set_books(valkey_server, 1)
    result = heatsink("data", "record-books", "--store", str(store), "--seconds", "1")
    assert result.exit_code == 1
    assert "name another folder" in result.stderr


@pytest.mark.processes
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_ended_in_whatever_way_loses_nothing_that_it_heard(
    valkey_server: str, heatsink: Heatsink, tmp_path: Path, sign: signal.Signals
) -> None:
    store = tmp_path / "store"
    set_books(valkey_server, 1)
    where = ("--redis-url", valkey_server, "--data", str(tmp_path), "--store", str(store))
    command = [sys.executable, "-m", "services.cli", "data", "record-books", *where]
    with killed_at_the_end(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Recording books to")
        recorded_until(valkey_server, store / "sim" / "books" / JOURNAL)
        process.send_signal(sign)
        assert process.wait(PATIENCE_SECONDS) == (-sign if sign == signal.SIGKILL else 0)
    heatsink("data", "record-books", "--store", str(store), "--seconds", "0.1")
    minutes = [each.time_ns // MINUTE_NS - T0 // MINUTE_NS for each in RecordedBooks(store / "sim" / "books").between()]
    assert minutes
    assert minutes == list(range(minutes[0], minutes[-1] + 1))


def recorded_until(url: str, journal: Path) -> None:
    """Sample books, one after the other, until some were heard."""

    async def publish(minute: int) -> None:
        async with RedisBus.open(url, MAIN) as bus:
            await bus.set_books([book(f"book-{minute}", time_ns=T0 + minute * MINUTE_NS)])

    deadline, minute = time.monotonic() + PATIENCE_SECONDS, 1
    while not journal.exists() or not journal.stat().st_size:
        assert time.monotonic() < deadline
        asyncio.run(publish(minute := minute + 1))
        time.sleep(0.05)
