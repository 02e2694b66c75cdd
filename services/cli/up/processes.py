"""The processes of a stack, as the supervisor starts them."""

import sys
from collections.abc import Mapping
from pathlib import Path

from services.cli.up.supervisor import ChildSpec
from shared.adapters.redis.embedded_valkey import EmbeddedValkey

SERVER, SIMULATOR = "valkey", "exchange_sim"
SERVICES = ("market_data", "signals", "sizing", "risk", "execution", "ops")
STAGE_SERVER, STAGE_EXCHANGE, STAGE_SERVICES = 0, 1, 2
# Ended from the right, so that whatever one has asked for, those after it still answer.
_ANSWERING = ("ops", "execution", "risk", "sizing", "signals", "market_data")
_SOURCE = Path(__file__).resolve().parents[3]


def server_child(server: EmbeddedValkey, environ: Mapping[str, str]) -> ChildSpec:
    return ChildSpec(SERVER, server.command(), environ, STAGE_SERVER)


def service_child(name: str, environ: Mapping[str, str]) -> ChildSpec:
    """``python -m services.<name>``, from whatever folder ``heatsink`` was started in."""
    path = environ.get("PYTHONPATH")
    settings = {
        **environ,
        "PYTHONPATH": f"{_SOURCE}:{path}" if path else str(_SOURCE),
        "PYTHONUNBUFFERED": "1",
        "HEATSINK_LOGS__FORM": "json",
    }
    stage = STAGE_EXCHANGE if name == SIMULATOR else STAGE_SERVICES + _ANSWERING.index(name)
    return ChildSpec(name, (sys.executable, "-m", f"services.{name}"), settings, stage)
