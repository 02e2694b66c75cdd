"""Pairs that are missing, stopped, renamed or delisted: one clear line, and the rest runs."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace

from services.market_data.pairs import resolve
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.catalogue import PAIRS
from shared.messages.market import PairListed
from shared.ports.exchange import ListedPair
from tests.market_data.market_stage import QUICK, UNIVERSE, market_stage, values

pytestmark = pytest.mark.sockets

DAY_MS = 86_400_000
REDENOMINATED = Universe(
    pairs=tuple(Pair(base=base, quote="USDT", sector="Layer 1") for base in ("BTC", "FTM")),
    renames=(Rename(old="FTM", new="S", cutover=date(2025, 1, 16), ratio=Decimal(10)),),
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def listing(symbol: str, venue_status: str = "TRADING") -> ListedPair:
    return ListedPair(
        symbol=symbol,
        status="trading" if venue_status == "TRADING" else "halted",
        venue_status=venue_status,
        price_step=Decimal("0.0001"),
        quantity_step=Decimal(1),
        min_quantity=Decimal(1),
        max_quantity=Decimal(900),
        min_notional=Decimal(5),
    )


def statuses(*listings: ListedPair, known: dict[str, PairListed] | None = None) -> dict[str, str]:
    found = resolve(REDENOMINATED, {one.symbol: one for one in listings}, known or {}, 1)
    return {message.symbol: message.status for message in found}


def test_before_the_cutover_the_pair_goes_by_its_old_name() -> None:
    assert statuses(listing("BTC/USDT"), listing("FTM/USDT")) == {"BTC/USDT": "trading", "FTM/USDT": "trading"}


def test_after_the_cutover_the_new_name_trades_and_the_old_one_is_renamed() -> None:
    found = resolve(
        REDENOMINATED,
        {one.symbol: one for one in (listing("BTC/USDT"), listing("FTM/USDT", "BREAK"), listing("S/USDT"))},
        {},
        1,
    )
    by_symbol = {message.symbol: message for message in found}
    assert by_symbol["FTM/USDT"].status == "renamed"
    assert (by_symbol["S/USDT"].status, by_symbol["S/USDT"].formerly) == ("trading", "FTM/USDT")
    assert by_symbol["S/USDT"].ratio == 10


def test_between_the_names_the_stopped_one_stands_as_halted() -> None:
    assert statuses(listing("BTC/USDT"), listing("FTM/USDT", "BREAK"))["FTM/USDT"] == "halted"


def test_a_pair_that_never_was_listed_is_unlisted_and_one_that_vanished_is_delisted() -> None:
    assert statuses(listing("BTC/USDT"))["FTM/USDT"] == "unlisted"
    known = {one.symbol: one for one in resolve(REDENOMINATED, {"FTM/USDT": listing("FTM/USDT")}, {}, 1)}
    assert statuses(listing("BTC/USDT"), known=known)["FTM/USDT"] == "delisted"


async def test_pairs_that_are_not_listed_are_switched_off_with_one_line_for_all_and_the_rest_runs() -> None:
    strangers = [Pair(base=base, quote="USDT", sector="Layer 1") for base in ("NOSUCHCOIN", "OTHER")]
    async with market_stage() as stage:
        stage.settings = replace(
            stage.settings, universe=Universe(pairs=(*UNIVERSE.pairs, *strangers), renames=UNIVERSE.renames)
        )
        async with stage.follow():
            await stage.until_calm()
            await stage.until_published("BTC/USDT", "15m", 1)
            pairs = await stage.pairs()
    assert pairs["NOSUCHCOIN/USDT"].status == "unlisted"
    assert stage.log.all("pairs_unlisted") == [{"count": 2, "pairs": "NOSUCHCOIN/USDT, OTHER/USDT"}]
    assert stage.log.all("pair_off") == []


async def test_a_halted_pair_is_off_until_it_trades_again_and_its_missing_bars_are_a_hole() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        stage.inflict(fault="status", symbol="ETHUSDT", status="HALT")
        await stage.until(lambda: stage.log.all("pair_off"))
        await stage.until_published("BTC/USDT", "15m", 3)
        halted = (await stage.pairs())["ETH/USDT"]
        stage.inflict(fault="status", symbol="ETHUSDT", status="TRADING")
        await stage.until(lambda: stage.log.all("pair_on"))
        await stage.until_published("ETH/USDT", "15m", 3)
        await stage.until_calm()
        counts = await stage.check_all(("BTC/USDT", "ETH/USDT"))
        trading = (await stage.pairs())["ETH/USDT"]
        await stage.until(lambda: stage.log.all("hole_found"))
    assert stage.happened("status") == 2
    assert (halted.status, halted.reason, trading.status) == ("halted", "the exchange says HALT", "trading")
    assert counts["holes"] >= 2


async def test_a_delisted_pair_ends_and_the_others_go_on() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        stage.inflict(fault="delist", symbol="DOGEUSDT")
        await stage.until(lambda: stage.log.all("pair_off"))
        ended = len(await stage.bars("DOGE/USDT", "15m"))
        await stage.until_published("BTC/USDT", "15m", 4)
        pairs = await stage.pairs()
        assert len(await stage.bars("DOGE/USDT", "15m")) == ended
        await stage.check_all(("BTC/USDT", "ETH/USDT"))
        assert not await stage.open_losses()
    assert stage.happened("delist") == 1
    assert pairs["DOGE/USDT"].status == "delisted"
    assert [line["symbol"] for line in stage.log.all("pair_off")] == ["DOGE/USDT"]


async def test_a_rename_while_running_opens_the_new_name_and_ends_the_old_one() -> None:
    """At the cutover of the universe, four hours after the start."""
    async with market_stage(universe=REDENOMINATED, start_ms=ms("2025-01-15 20:00")) as stage, stage.follow():
        await stage.until(lambda: stage.log.all("pair_renamed"))
        listed = [one for one in await stage.messages(PAIRS.key) if isinstance(one, PairListed)]
        assert next(one.status for one in listed if one.symbol == "FTM/USDT") == "trading"

        async def is_streamed() -> bool:
            return any(not bar.backfilled for bar in await stage.bars("S/USDT", "15m"))

        await stage.until(is_streamed)
        await stage.until_published("S/USDT", "15m", 2)
        await stage.until_calm()
        pairs = await stage.pairs()
        bars = await stage.bars("S/USDT", "15m")
        own = [values(bar) for bar in bars if bar.open_time_ns >= REDENOMINATED.renames[0].cutover_ns]
        truth = stage.market_bars("S/USDT", "15m", own[0][0], stage.clock.now_ns())
    assert (pairs["S/USDT"].status, pairs["S/USDT"].formerly, pairs["S/USDT"].ratio) == ("trading", "FTM/USDT", 10)
    assert own == truth[: len(own)]
    assert len(bars) > len(own)


async def test_a_rename_that_the_exchange_does_by_itself_is_followed_when_the_universe_knows_it() -> None:
    plain = Universe(pairs=REDENOMINATED.pairs)
    async with market_stage(universe=plain) as stage:
        stage.settings = replace(stage.settings, universe=REDENOMINATED)
        async with stage.follow():
            await stage.until_calm()
            stage.inflict(fault="rename", symbol="FTMUSDT", new_symbol="SUSDT", seconds=1800, price_ratio=0.1)
            await stage.until(lambda: stage.log.all("pair_renamed"))
            await stage.until_published("S/USDT", "15m", 1)
            pairs = await stage.pairs()
    assert stage.happened("rename") == 1
    assert (pairs["FTM/USDT"].status, pairs["S/USDT"].status) == ("renamed", "trading")


async def test_history_from_before_a_rename_is_stitched_in_the_units_of_the_new_name() -> None:
    start_ms = ms("2025-01-20 00:00")  # four days after the cutover
    async with market_stage(universe=REDENOMINATED, start_ms=start_ms) as stage, stage.follow():
        await stage.until_calm()
        daily = await stage.bars("S/USDT", "1d")
        old = stage.market_bars("FTM/USDT", "1d", 0, start_ms * 1_000_000)
        pairs = await stage.pairs()
    assert len(daily) >= QUICK.warmup_days
    before = [bar for bar in daily if bar.open_time_ns < REDENOMINATED.renames[0].cutover_ns]
    assert len(before) == QUICK.warmup_days - 4
    for bar, row in zip(before, old[-len(before) :], strict=True):
        open_ns, open_, high, low, close, volume, quote_volume, _ = row
        assert bar.open_time_ns == open_ns
        assert (bar.open, bar.high, bar.low, bar.close) == (open_ / 10, high / 10, low / 10, close / 10)
        assert (bar.volume, bar.quote_volume) == (volume * 10, quote_volume)
    assert all(one.open_time_ns + DAY_MS * 1_000_000 == two.open_time_ns for one, two in pairwise(daily))
    assert pairs["FTM/USDT"].status == "renamed"
