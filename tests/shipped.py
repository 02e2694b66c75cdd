"""The configuration that ships with heatsink, as the tests use it."""

from shared.config.load import default_config_dir, load_settings
from shared.config.model import Settings
from shared.domain.universe import Universe


def shipped_settings() -> Settings:
    return load_settings(default_config_dir({}), {})


def shipped_universe() -> Universe:
    return shipped_settings().universe
