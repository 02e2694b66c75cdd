"""The ``heatsink`` command line. A verb imports what it needs when it is called, so that help is there at once."""

import io
import sys

import typer

from services.cli.verbs import access, control, doctor, reconcile, room, slippage, status, sweep, tail, up, why
from services.cli.verbs.backtest import backtest_app
from services.cli.verbs.config import config_app
from services.cli.verbs.data import data_app
from services.cli.verbs.importing import import_app
from services.cli.verbs.keys import keys_app
from services.cli.verbs.limits import limits_app
from services.cli.verbs.phase import phase_app

app = typer.Typer(
    name="heatsink",
    help="The risk layer between crypto strategies and the exchange: every order held to the portfolio's live heat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    up,
    access,
    status,
    tail,
    why,
    room,
    control,
    reconcile,
    doctor,
    sweep,
    slippage,
):  # as --help lists them
    for verb in module.VERBS:
        app.command()(verb)
app.add_typer(backtest_app, name="backtest")
app.add_typer(phase_app, name="phase")
app.add_typer(limits_app, name="limits")
app.add_typer(import_app, name="import")
app.add_typer(config_app, name="config")
app.add_typer(data_app, name="data")
app.add_typer(keys_app, name="keys")


def main() -> None:
    for stream in (sys.stdout, sys.stderr):  # a path may hold bytes that are no text: no word is lost over them
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name=app.info.name)  # help and errors say what people type, however it was started


if __name__ == "__main__":
    main()
