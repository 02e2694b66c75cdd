"""What the tests of the verbs share."""

import asyncio
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli.__main__ import app
from tests.cli.verbs.sample_server import Heatsink, publish
from tests.samples import samples


@pytest.fixture
def heatsink(valkey_server: str, tmp_path: Path) -> Heatsink:
    """Runs a verb on a server that holds one message of every kind."""
    asyncio.run(publish(valkey_server, samples()))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--redis-url", valkey_server, "--data", str(tmp_path)])

    return run
