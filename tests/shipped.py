"""The configuration that ships with heatsink, as the tests use it."""

from shared.domain.universe import Universe
from shared.runtime.service import config_dir
from shared.runtime.settings import Settings
from shared.runtime.settings_file import load_settings


def shipped_settings() -> Settings:
    return load_settings(config_dir(), {})


def shipped_universe() -> Universe:
    return shipped_settings().universe
