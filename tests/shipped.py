"""The configuration that ships with heatsink, as the tests use it."""

from pathlib import Path

from shared.config.load import load_settings, process_environment
from shared.config.model import Settings
from shared.domain.universe import Universe

SHIPPED = Path(__file__).resolve().parents[1] / "deploy" / "config"


def shipped_settings() -> Settings:
    return load_settings(SHIPPED, {})


def shipped_universe() -> Universe:
    return shipped_settings().universe


def bare_environ() -> dict[str, str]:
    """The variables of this process for another one, without those settings that whoever runs the tests may have."""
    return {name: text for name, text in process_environment().items() if not name.startswith("HEATSINK_")}
