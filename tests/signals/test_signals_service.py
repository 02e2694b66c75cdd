"""The signals service as a process: it tries strategy files before it runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.wiring import BY_NAME, SERVICES, SIGNALS
from shared.config.faults import ConfigError
from shared.config.load import load_settings
from tests.domain.strategies.files import FOLLOWS, config_with, says
from tests.shipped import SHIPPED, bare_environ

ROOT = SHIPPED.parents[1]

pytestmark = pytest.mark.processes


def test_of_all_services_signals_alone_runs_strategy_files(tmp_path: Path) -> None:
    settings = load_settings(config_with(tmp_path, says("'long'")), {})
    with pytest.raises(ConfigError, match="on_bar returned 'long'"):
        BY_NAME[SIGNALS].check(settings)
    for row in SERVICES:
        if row.name != SIGNALS:
            row.check(settings)


def test_a_sound_file_passes(tmp_path: Path) -> None:
    BY_NAME[SIGNALS].check(load_settings(config_with(tmp_path, FOLLOWS), {}))


def test_the_service_ends_with_the_code_for_configuration_on_a_faulty_file(tmp_path: Path, valkey_server: str) -> None:
    environ = bare_environ() | {
        "HEATSINK_CONFIG_DIR": str(config_with(tmp_path, says("1 / 0"))),
        "HEATSINK_REDIS__URL": valkey_server,
        "HEATSINK_EXCHANGE__KIND": "binance",  # so that it waits for nobody's clock
    }
    command = [sys.executable, "-m", "services.signals"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 78
    assert "config_refused" in done.stderr
    assert "on_bar raised ZeroDivisionError" in done.stderr
