"""What ``heatsink users`` prints: who there is, where the passwords stand, and what is left to do. No password."""

from collections.abc import Mapping
from pathlib import Path

from services.cli.printing import say


def print_users(files: Mapping[str, Path], *, lasting: bool, closed: bool) -> None:
    """A line for each user. files: of the passwords. lasting, closed: as ``Given`` has them."""
    width = max(map(len, files))
    for user, path in files.items():
        say(f"{user:<{width}}  {path}")
    if not lasting:
        say("The server did not write them down: after a restart it knows those of its aclfile, and no other.")
    if not closed:
        say("heatsink doctor says whether the server lets in who gives no name; --close ends that.")
