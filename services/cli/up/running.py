"""Sets the outputs up for ``heatsink up``, runs the stack, and prints the summary."""

import asyncio
import sys
from collections.abc import Callable
from typing import TextIO, cast

from rich.console import Console

from services.cli.printing import plain_console, say
from services.cli.up.options import UpOptions, prepare_settings
from services.cli.up.panel import ConsoleStream, LiveScreen, PictureScreen
from services.cli.up.screen import LineScreen, LogPipe, LogScreen, Screen
from services.cli.up.stack import Stack
from services.cli.up.summary import summary_lines
from shared.config.model import LogSettings
from shared.runtime.logs import Level, configure_logs, get_logger


def run_stack(options: UpOptions) -> int:
    """Run until the end; returns the exit code. Raises what ``failing.explained`` tells people about."""
    prepared = prepare_settings(options)
    console = plain_console()
    live = console.is_terminal and not (options.quiet or options.json_logs or options.picture)
    output = cast("TextIO", ConsoleStream(console)) if live and sys.stderr.isatty() else sys.stderr
    pipe = _log_pipe(options, prepared.settings.logs, output)
    if prepared.short_history:
        get_logger().warning("history_short", reason=prepared.short_history)
    if prepared.too_fast:
        get_logger().warning("speed_untested", reason=prepared.too_fast)
    if prepared.holes:
        get_logger().warning("bars_missing", reason=prepared.holes)
    stack = Stack(options, prepared, pipe, _screen_for(options, console, live=live))
    code = asyncio.run(stack.run())
    if stack.summary:
        _print_summary(stack.summary, options)
    for failure in stack.failures:
        _print_failure(failure, options)
    return code


def _log_pipe(options: UpOptions, logs: LogSettings, output: TextIO) -> LogPipe:
    """Everything as JSON where that was asked for; otherwise only what people have to know, on a terminal or not."""
    readable = not options.json_logs and logs.form != "json"
    quiet_level: Level = "error" if logs.level == "error" else "warning"
    level = logs.level if options.json_logs else quiet_level
    configure_logs("up", level=level, form="lines" if readable else "json", stream=output)
    return LogPipe(output, all_levels=options.json_logs, readable=readable)


def _screen_for(options: UpOptions, console: Console, *, live: bool) -> Callable[[str], Screen]:
    def make(title: str) -> Screen:
        if options.picture is not None:
            return PictureScreen(options.picture, title)
        if options.json_logs:
            return LogScreen()
        if live:
            return LiveScreen(console, title, sizes=options.sizes)
        screen = LineScreen(quiet=options.quiet)
        if not options.quiet:
            screen.say(title)
        return screen

    return make


def _print_summary(rows: list[tuple[str, str]], options: UpOptions) -> None:
    if options.json_logs:
        get_logger().info("summary", **{name.replace(" ", "_"): value for name, value in rows})
    else:
        say("heatsink ended", *summary_lines(rows))


def _print_failure(text: str, options: UpOptions) -> None:
    if options.json_logs:
        get_logger().error("failed", reason=text)
    else:
        say(f"failed: {text}", err=True)
