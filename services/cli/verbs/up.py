"""``heatsink up``: the whole stack with one command."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import explained
from shared.application.stack import DATA_DIR


class ExchangeKind(StrEnum):
    """``sim``: the simulated exchange; ``binance``: the real public streams, orders still on paper."""

    SIM = "sim"
    BINANCE = "binance"


def up(
    exchange: Annotated[ExchangeKind | None, typer.Option(help="sim, or binance: real streams, paper orders.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Store or parquet file of klines to replay (sim).")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Date at which the market begins: 2022-11-01.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Date at which the run ends (sim): 2022-11-15.")] = None,
    speed: Annotated[float | None, typer.Option(help="Market seconds in a wall second (sim).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the generated market (sim).")] = None,
    resume_after: Annotated[
        float | None,
        typer.Option(metavar="HOURS", help="Market hours after which halts end that wait for an operator (sim)."),
    ] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds after which it ends with a summary.", min=0)] = None,
    redis_url: Annotated[str | None, typer.Option(help="A running Redis >= 7.0 or Valkey >= 8.")] = None,
    config: Annotated[Path | None, typer.Option(help="Folder of the TOML files.")] = None,
    data: Annotated[Path, typer.Option(help="Folder for what the stack keeps.")] = DATA_DIR,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only warnings and the summary.")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Nothing but log lines, as JSON.")] = False,
    sizes: Annotated[bool, typer.Option("--sizes", help="With a table of all sizes (on a terminal).")] = False,
    picture: Annotated[Path | None, typer.Option(help="Leave the last panel as an SVG.", hidden=True)] = None,
) -> None:
    """Run everything: Redis, the exchange, every service. Ctrl-C ends it."""
    from services.cli.up.options import UpOptions
    from services.cli.up.running import run_stack
    from shared.runtime.unread_output import never_wait_for_readers

    never_wait_for_readers()
    options = UpOptions(
        data_dir=data,
        config_dir=config,
        exchange=exchange.value if exchange else None,
        replay=replay,
        start=start,
        end=end,
        speed=speed,
        seed=seed,
        redis_url=redis_url,
        resume_after_hours=resume_after,
        duration_seconds=duration,
        quiet=quiet,
        json_logs=json_logs,
        sizes=sizes,
        picture=picture,
    )
    remedy = "Start that server first, or leave out --redis-url (and HEATSINK_REDIS__URL) and have one started."
    with explained(remedy):
        code = run_stack(options)
    raise typer.Exit(code)


VERBS = (up,)
