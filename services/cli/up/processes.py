"""The processes of a stack, as the supervisor starts them."""

import sys
from collections.abc import Mapping
from pathlib import Path

from services.cli.up.supervisor import ChildSpec
from services.wiring import ServiceRow
from shared.adapters.redis.embedded_valkey import EmbeddedValkey

SERVER = "valkey"
STAGE_SERVER = 0  # the server outlives all services, see ``ServiceRow.stage``
_SOURCE = Path(__file__).resolve().parents[3]


def server_child(server: EmbeddedValkey, environ: Mapping[str, str]) -> ChildSpec:
    """The embedded server."""
    return ChildSpec(SERVER, server.command(), environ, STAGE_SERVER)


def service_child(row: ServiceRow, environ: Mapping[str, str]) -> ChildSpec:
    """``python -m services.<name>``, from whatever folder ``heatsink`` was started in."""
    path = environ.get("PYTHONPATH")
    settings = {
        **environ,
        "PYTHONPATH": f"{_SOURCE}:{path}" if path else str(_SOURCE),
        "PYTHONUNBUFFERED": "1",
        "HEATSINK_LOGS__FORM": "json",
    }
    return ChildSpec(row.name, (sys.executable, "-m", row.module), settings, row.stage)
