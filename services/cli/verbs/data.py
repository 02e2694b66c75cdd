"""``heatsink data``: the store of klines that replays and backtests read."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failing import explained
from services.cli.verbs.options import ConfigOption, JsonOption
from services.cli.verbs.record_books import record_books
from shared.application.stack import STORE_DIR

if TYPE_CHECKING:
    from shared.adapters.klines.store import KlineStore

EXCHANGE, SIMULATED = "binance", "sim"

data_app = typer.Typer(help="Klines for replays and backtests: import, download, verify, list.", no_args_is_help=True)
StoreOption = Annotated[Path, typer.Option("--store", help="Folder of the stores, one for each exchange.")]
OneExchange = Annotated[
    str | None, typer.Option("--exchange", help="Which store, such as binance; all of them without it.")
]


class OnConflict(StrEnum):
    """Whose bar counts where the store has another one of the same time."""

    REFUSE = "refuse"
    KEEP = "keep"
    REPLACE = "replace"


@data_app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them: zip, parquet, feather, CSV, JSON.")],
    exchange: Annotated[str, typer.Option(help="Where the klines come from: the name of the store.")] = EXCHANGE,
    store: StoreOption = STORE_DIR,
    market: Annotated[
        list[str] | None,
        typer.Option(help="Markets that count, of files that name some: spot, um_futures, any. As the exchange has."),
    ] = None,
    symbol: Annotated[str, typer.Option(help="BTCUSDT, for files that do not say it.")] = "",
    timeframe: Annotated[str, typer.Option(help="1h, for files that do not say it.")] = "",
    unit: Annotated[
        list[str] | None,
        typer.Option(help="Store a symbol as another, so many of it in one: 1000SHIBUSDT=SHIBUSDT:1000."),
    ] = None,
    conflicts: Annotated[
        OnConflict, typer.Option(help="Bars that differ from the stored ones: refuse, keep those, replace them.")
    ] = OnConflict.REFUSE,
    json: JsonOption = False,
) -> None:
    """Bring files of klines into the store: all of them, or none and every fault by name."""
    from services.cli.views.data import print_imported
    from services.cli.views.progress import file_progress
    from shared.adapters.klines.importing import ImportOptions, import_files, markets_of, units_of
    from shared.adapters.klines.store import KlineStore
    from shared.domain.universe import exchange_symbol

    with explained():
        options = ImportOptions(
            markets=markets_of(exchange, market or ()),
            symbol=exchange_symbol(symbol),
            timeframe=timeframe,
            units=units_of(unit or ()),
            on_conflict=conflicts.value,
        )
        target = KlineStore(_folder_of(store, exchange))
        with file_progress("importing", shown=not json) as on_file:
            done = import_files(target, paths, options, on_file)
    print_imported(target, done, as_json=json)


@data_app.command()
def download(
    start: Annotated[str, typer.Option("--from", help="First day: 2021-01-01.")],
    end: Annotated[str | None, typer.Option("--to", help="Day at which it ends; now without it.")] = None,
    pairs: Annotated[str, typer.Option(help="BTC/USDT,ETH/USDT; those of universe.toml without it.")] = "",
    timeframe: Annotated[str, typer.Option(help="One or several: 1m,1h,1d.")] = "1h",
    exchange: Annotated[str | None, typer.Option(help="The name of the store: binance, or sim with --url.")] = None,
    store: StoreOption = STORE_DIR,
    url: Annotated[str, typer.Option(help="A simulated exchange, http://127.0.0.1:9080; Binance without it.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch from the exchange what the store lacks; after an interrupt the same command goes on."""
    from services.cli.views.data import print_downloaded
    from services.cli.views.progress import bar_progress
    from shared.adapters.klines.store import KlineStore
    from shared.application.download_plan import download_now, plan_download
    from shared.config.load import default_config_dir, load_settings, process_environment

    with explained():
        environment = process_environment()
        settings = load_settings(config or default_config_dir(environment), environment)
        target = KlineStore(_folder_of(store, exchange or (SIMULATED if url else EXCHANGE)))
        wishes = plan_download(settings.universe, pairs, timeframe, start, end)
        with bar_progress(shown=not json) as on_progress:
            results = download_now(target, wishes, url, settings.exchange.weight_per_minute, on_progress)
    print_downloaded(results, as_json=json)
    raise typer.Exit(int(any(result.problem and not result.wish.former for result in results)))


@data_app.command()
def verify(
    exchange: OneExchange = None,
    store: StoreOption = STORE_DIR,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Missing bars are told, and are no fault.")] = False,
    json: JsonOption = False,
) -> None:
    """Look at every file and every bar again: hashes, times, prices, gaps. Exit code 1 when something is wrong."""
    from services.cli.views.data import print_findings
    from services.cli.views.progress import file_progress
    from shared.adapters.klines.verifying import verify as verified

    wrong = False
    with explained():
        for each in _stores_in(store, exchange):
            with file_progress("verifying", shown=not json) as on_file:
                findings = verified(each, on_file)
            faults = [finding for finding in findings if finding.wrong and not (allow_gaps and finding.is_gap)]
            print_findings(each, findings, faults, as_json=json)
            wrong = wrong or bool(faults)
    raise typer.Exit(int(wrong))


@data_app.command("list")
def list_(
    exchange: OneExchange = None, store: StoreOption = STORE_DIR, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """What is there: of each symbol from when to when, how much of it, and which pairs of the universe are not."""
    from services.cli.views.data import print_store
    from shared.config.load import default_config_dir, load_settings, process_environment

    with explained():
        environment = process_environment()
        universe = load_settings(config or default_config_dir(environment), environment).universe
        for each in _stores_in(store, exchange):
            print_store(each, universe, as_json=json)


data_app.command()(record_books)


def _folder_of(store: Path, exchange: str) -> Path:
    if not exchange.replace("_", "").replace("-", "").isalnum():
        raise typer.BadParameter(f"{exchange!r} is no name of an exchange; write it like binance")
    return store / exchange


def _stores_in(folder: Path, exchange: str | None) -> "list[KlineStore]":
    """The stores that are there. Raises ``UserError`` where there is none."""
    from shared.adapters.klines.store import KlineStore, is_store
    from shared.application.errors import UserError

    paths = [_folder_of(folder, exchange)] if exchange else sorted(path for path in folder.glob("*") if path.is_dir())
    found = [KlineStore(path) for path in paths if is_store(path)]
    if not found:
        where = _folder_of(folder, exchange) if exchange else folder
        raise UserError(f"{where}: no store of klines. Make one with heatsink data import, or heatsink data download.")
    return found
