"""What ``heatsink sizes`` prints."""

from collections.abc import Mapping

from services.cli.views.printing import json_text, plain_console
from services.cli.views.tables import sizes_table
from shared.messages.signals import PositionSized


def print_sizes(sizes: Mapping[str, PositionSized], *, as_json: bool) -> None:
    """A table of all pairs, or one JSON object a line."""
    if as_json:
        for symbol in sorted(sizes):
            print(json_text(sizes[symbol]))
    else:
        plain_console().print(sizes_table(sizes))
