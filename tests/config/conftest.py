"""What tests of the configuration share."""

import shutil
from pathlib import Path

import pytest

from tests.shipped import SHIPPED


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """A copy of the shipped configuration, to be broken."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "config"))
