"""What ``heatsink keys`` says."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.printing import say

if TYPE_CHECKING:
    from shared.application.sealing import Adopted


def print_made(folder: Path, writers: Sequence[str]) -> None:
    if not writers:
        say(f"Every writer has a key in {folder} already. A new one: heatsink keys rotate {folder}")
        return
    say(f"Made keys for {', '.join(writers)} in {folder}; nobody but you can read them.")
    say(f"Set signing.keys (HEATSINK_SIGNING__KEYS) to {folder.resolve()} for every service and for operators.")


def print_made_for(client: str, folder: Path, *, is_new: bool) -> None:
    path = folder / f"{client}.key"
    if not is_new:
        again = f"heatsink keys rotate {folder.parent} --client {client}"
        say(f"Client {client} has a key in {path} already. A new one: {again}")
        return
    say(f"Made the key of client {client}: {path}; nobody but you can read it.")
    say(f"Write signed = true under [clients.{client}] in stack.toml, and start the stack anew.")
    say(f"Give the bot a copy of the file: HEATSINK_CLIENT_KEY={path.name}, or key= of its Gate.")


def print_rotated(folder: Path, writers: Sequence[str]) -> None:
    if not writers:
        say(f"There are no keys in {folder}. Make some: heatsink keys new {folder}")
        return
    say(f"{', '.join(writers)}: new keys sign within a second, those before are still accepted.")
    say(f"Once nothing is unread any more: heatsink keys rotate {folder} --finish")


def print_finished(folder: Path, writers: Sequence[str]) -> None:
    if not writers:
        say(f"No writer has more than one key in {folder}.")
        return
    say(f"{', '.join(writers)}: only the key that signs is accepted from now on.")


def print_adopted(adopted: "Sequence[Adopted]", *, signed: bool) -> None:
    if not adopted:
        say("The services have left nothing yet: there is nothing to adopt.")
    for each in adopted:
        how = "sealed with its key" if signed else "sealed, without a key"
        say(f"{each.service}: commit {each.seq}, {how}." + (f" Before: {each.was}" if each.was else ""))
