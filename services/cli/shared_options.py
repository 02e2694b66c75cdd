"""Options that every verb beside ``up`` has: which stack is meant."""

from pathlib import Path
from typing import Annotated

import typer

RedisOption = Annotated[str | None, typer.Option("--redis-url", help="Redis of the stack; found by itself otherwise.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Folder of the TOML files.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder of a stack that runs here.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
