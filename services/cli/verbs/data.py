"""``heatsink data``: what backtests and validations read."""

import typer

from services.cli.verbs.record_books import record_books

data_app = typer.Typer(help="Data for backtests.", no_args_is_help=True)


@data_app.callback()
def _data() -> None:
    """Data for backtests."""


data_app.command()(record_books)
