"""``heatsink config``: the configuration, checked before anything runs on it."""

import typer

from services.cli.failing import explained
from services.cli.verbs.options import ConfigOption
from shared.application.stack import DATA_DIR

config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)


@config_app.callback()
def _config() -> None:
    """Look at the configuration."""


@config_app.command()
def check(config: ConfigOption = None) -> None:
    """Name every fault at once: file, key, value, remedy."""
    from services.cli.up.options import UpOptions, prepare_settings
    from services.cli.views.config import print_essentials
    from shared.config.load import default_config_dir, process_environment

    folder = config or default_config_dir(process_environment())
    with explained():
        prepared = prepare_settings(UpOptions(data_dir=DATA_DIR, config_dir=config))
    print_essentials(folder, prepared.settings, named=not prepared.own_server, notes=prepared.notes)
