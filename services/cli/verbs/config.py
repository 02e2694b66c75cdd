"""``heatsink config``: the configuration, checked before anything runs on it."""

import typer

from services.cli.failing import explained
from services.cli.verbs.options import ConfigOption
from shared.application.stack import REDIS_VARIABLE

config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)


@config_app.callback()
def _config() -> None:
    """Look at the configuration."""


@config_app.command()
def check(config: ConfigOption = None) -> None:
    """Name every fault at once: file, key, value, remedy."""
    from services.cli.views.config import print_essentials
    from shared.config.load import default_config_dir, load_settings, process_environment
    from shared.config.preflight import check_start

    environ = process_environment()
    folder = config or default_config_dir(environ)
    with explained():
        settings = load_settings(folder, environ)
        check_start(settings)
    print_essentials(folder, settings, named=REDIS_VARIABLE in environ)
