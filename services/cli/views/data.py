"""What ``heatsink data`` prints."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from shared.adapters.klines.importing import Imported
from shared.adapters.klines.overview import Series, series_of
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.verifying import Finding
from shared.application.downloading import Downloaded
from shared.application.wording.formats import count, percent
from shared.domain.universe import Universe, exchange_symbol


def print_imported(store: KlineStore, done: Imported, *, as_json: bool) -> None:
    """What came in, by timeframe and symbol, and what was left out."""
    if as_json:
        for (timeframe, symbol), written in sorted(done.written.items()):
            say(json_text({"timeframe": timeframe, "symbol": symbol, **written._asdict()}))
        for what, left in done.left_out.items():
            say(json_text({"left_out": what, "count": left}))
        return
    console = plain_console()
    table = bare_table("timeframe", ">symbols", ">new bars", ">changed", ">there before")
    for timeframe in store.timeframes:
        rows = [written for (of, _), written in done.written.items() if of == timeframe]
        if rows:
            table.add_row(timeframe, str(len(rows)), *(f"{sum(column):,}" for column in zip(*rows, strict=True)))
    console.print(f"{count(done.files, 'file')} into {store.path}")
    console.print(table)
    for what, left in done.left_out.items():
        console.print(f"left out: {left:,} {what}", style="yellow")
    if done.unchecked:
        without = f"{count(done.unchecked, 'archive')} had no CHECKSUM beside it, so its hash was compared with nothing"
        console.print(without, style="yellow")
    _print_digest(console, store)


def print_downloaded(results: Sequence[Downloaded], *, as_json: bool) -> None:
    """What came of each series that anything came of, or could not be had."""
    if as_json:
        for result in results:
            wish = result.wish
            told = {"symbol": wish.symbol, "timeframe": wish.timeframe, "bars": result.bars, "problem": result.problem}
            say(json_text(told))
        return
    console = plain_console()
    console.print(f"{count(sum(result.bars for result in results), 'new bar')} of {len(results)} series")
    for result in results:
        if result.problem:
            name = Text(f"{result.wish.symbol} {result.wish.timeframe}  ", style="bold")
            note = f"a former name: {result.problem}; its bars are in the archives" if result.wish.former else ""
            console.print(name + Text(note or result.problem, style="yellow" if note else "red"), soft_wrap=True)


def print_findings(store: KlineStore, findings: Sequence[Finding], faults: Sequence[Finding], *, as_json: bool) -> None:
    """Every finding, then how many of them are faults."""
    if as_json:
        for finding in findings:
            told = {"store": str(store.path), "what": finding.what, "problem": finding.problem}
            say(json_text({**told, "wrong": finding in faults}))
        return
    console = plain_console()
    for finding in findings:
        style = "red" if finding in faults else "yellow"
        console.print(Text(f"{finding.what}  ", style="bold") + Text(finding.problem, style=style), soft_wrap=True)
    files = count(len(store.manifest.files), "file")
    verdict = f"{count(len(faults), 'fault')}" if faults else "nothing is wrong"
    console.print(Text(f"{store.path}: {files} looked at, {verdict}", style="red" if faults else "green"))
    _print_digest(console, store)


def print_store(store: KlineStore, universe: Universe, *, as_json: bool) -> None:
    """A line for each symbol and timeframe, and the pairs of the universe of which there is nothing."""
    series = series_of(store)
    if as_json:
        for each in series:
            say(json_text({"store": str(store.path), **each._asdict(), "coverage": each.coverage}))
        return
    console = plain_console()
    console.print(Text(str(store.path), style="bold"))
    table = bare_table("timeframe", "symbol", "first bar", "last bar", ">bars", ">coverage", ">missing", no_wrap=True)
    for each in series:
        table.add_row(*_row(each))
    console.print(table)
    there = {each.symbol for each in series}
    lacking = [
        pair.symbol
        for pair in universe.pairs
        if not there & {exchange_symbol(name) for name in universe.names_of(pair.symbol)}
    ]
    if lacking:
        console.print(f"of {count(len(lacking), 'pair')} of universe.toml there is nothing: {' '.join(lacking)}")
    unknown = sum(each.unknown_quote_volume for each in series)
    if unknown:
        console.print(f"of {count(unknown, 'bar')} no source knew the quote volume: it is taken as close × volume")
    _print_digest(console, store)


def _row(series: Series) -> list[str]:
    missing = f"{series.missing:,} in {series.holes:,}" if series.missing else ""
    dates = _date(series.first_ms), _date(series.last_ms)
    return [series.timeframe, series.symbol, *dates, f"{series.bars:,}", percent(series.coverage), missing]


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _print_digest(console: Console, store: KlineStore) -> None:
    console.print(f"digest of the data {store.digest()[:16]}", style="dim")
