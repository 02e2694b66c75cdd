"""Which stack a verb talks to, and what to do when nothing answers there."""

from shared.application.stack import REDIS_VARIABLE, StackLocator, note_path
from shared.config.secrecy import without_password


def origin_text(stack: StackLocator) -> str:
    """Who named the server: an option, a variable, or a file."""
    match stack.origin:
        case "argument":
            return "--redis-url"
        case "environment":
            return REDIS_VARIABLE
        case "note":
            return str(note_path(stack.data_dir))
        case "configuration":
            return str(stack.config_dir / "stack.toml")


def server_text(stack: StackLocator) -> str:
    """The server, and who named it."""
    return f"{without_password(stack.redis_url)} (by {origin_text(stack)})"


def redis_remedy(stack: StackLocator) -> str:
    """What to do when nothing answers at the server's address."""
    named = f"{origin_text(stack)} names {without_password(stack.redis_url)}"
    match stack.origin:
        case "argument" | "environment":
            return f"{named}: start that server, or name another one."
        case "note":
            return f"{named}; heatsink doctor looks at the whole stack."
        case "configuration":
            start = f"No stack runs from {stack.data_dir}: start one with make run or heatsink up"
            return f"{start}, or say where one runs: --data FOLDER, or --redis-url URL."
