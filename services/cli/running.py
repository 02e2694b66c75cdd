"""Sets the outputs up for ``heatsink up``, runs the stack, and prints the summary."""

import asyncio
import sys
from collections.abc import Callable
from typing import TextIO, cast

from rich.console import Console

from services.cli.live import ConsoleStream, LiveScreen, PictureScreen
from services.cli.options import UpOptions, prepare_settings
from services.cli.screen import LineScreen, LogPipe, LogScreen, Screen
from services.cli.stack import Stack
from services.cli.summary import summary_text
from shared.runtime.logs import configure_logs, get_logger


def run_stack(options: UpOptions) -> int:
    """Run until the end; returns the exit code. Raises what ``failing.explained`` tells people about."""
    prepared = prepare_settings(options)
    logs = prepared.settings.logs
    console = Console()
    live = console.is_terminal and not (options.quiet or options.json_logs or options.picture)
    output = cast("TextIO", ConsoleStream(console)) if live and sys.stderr.isatty() else sys.stderr
    form = "json" if options.json_logs else logs.form
    configure_logs("up", level=logs.level, form=form, stream=output)
    pipe = LogPipe(output, readable=form == "lines" or (form == "auto" and output.isatty()))
    stack = Stack(options, prepared, pipe, _screen_for(options, console, live=live))
    code = asyncio.run(stack.run())
    if stack.summary:
        _tell_summary(stack.summary, options)
    return code


def _screen_for(options: UpOptions, console: Console, *, live: bool) -> Callable[[str], Screen]:
    def make(title: str) -> Screen:
        if options.picture is not None:
            return PictureScreen(options.picture, title)
        if options.json_logs:
            return LogScreen()
        if live:
            return LiveScreen(console, title, sizes=options.sizes)
        screen = LineScreen(quiet=options.quiet)
        screen.say(title)
        return screen

    return make


def _tell_summary(rows: list[tuple[str, str]], options: UpOptions) -> None:
    if options.json_logs:
        get_logger().info("summary", **{name.replace(" ", "_"): value for name, value in rows})
    else:
        print(f"heatsink ended\n{summary_text(rows)}", flush=True)
