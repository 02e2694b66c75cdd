"""The configuration that ships with heatsink, as the tests use it."""

from shared.config.load import load_settings
from shared.config.model import Settings
from shared.domain.universe import Universe
from shared.runtime.service import config_dir


def shipped_settings() -> Settings:
    return load_settings(config_dir(), {})


def shipped_universe() -> Universe:
    return shipped_settings().universe
