"""What ``heatsink config check`` prints of a sound configuration."""

from collections.abc import Sequence
from pathlib import Path

from services.cli.printing import say
from shared.application.stack import DATA_DIR, REDIS_VARIABLE, read_note
from shared.application.wording.formats import rehearsed
from shared.config.model import Settings
from shared.config.secrecy import without_password
from shared.domain.plan import StrategyPlan
from shared.domain.risk.state.limit_words import differing
from shared.domain.strategies.from_file import FILE, source_digest


def print_essentials(folder: Path, settings: Settings, *, named: bool, notes: Sequence[str] = ()) -> None:
    """Print what an operator would want to see before a start.

    named: whether the environment names the server. notes: what else is worth knowing.
    """
    rows = [*_essentials(settings), ("redis", _redis(settings, named=named)), ("signing", _signing(settings))]
    rows += [("note", note) for note in notes]
    say(f"{folder} is sound", *(f"  {name:<10}  {text}" for name, text in rows))


def _strategy(plan: StrategyPlan) -> str:
    """A strategy in a few words; of one of a file, which text was read."""
    text = f"{plan.name} {plan.timeframe} x {plan.weight:g}"
    return f"{text} ({plan.file}, {source_digest(plan)})" if plan.kind == FILE else text


def _redis(settings: Settings, *, named: bool) -> str:
    """The server that is meant, and the one that a stack from this folder uses now."""
    if named:
        return f"{without_password(settings.redis.url)} (by {REDIS_VARIABLE})"
    if note := read_note(DATA_DIR):
        return f"{without_password(note.redis_url)} (of the stack that runs from {DATA_DIR})"
    return f"heatsink up starts its own; services started by hand use {without_password(settings.redis.url)}"


def _signing(settings: Settings) -> str:
    """Whether verdicts and commands are signed, and with what."""
    match settings.signing.keys:
        case "":
            return "heatsink up signs with keys of its own; services started by hand sign nothing"
        case "off":
            return "off: nothing is signed, and whoever can write to the server is believed"
        case folder:
            return f"with the keys in {folder}"


def _essentials(settings: Settings) -> list[tuple[str, str]]:
    """Names and texts of what the files say."""
    plan, limits, pairs = settings.plan, settings.plan.limits, settings.universe.pairs
    sectors, renames = len({pair.sector for pair in pairs}), len(settings.universe.renames)
    caps = f"pair {limits.pair_cap_nav:.0%}, sector {limits.sector_cap_nav:.0%}, drawdown {limits.drawdown:.0%}"
    phase = rehearsed(plan.phase, rehearsal=plan.ramp.rehearsal)
    rows = [
        ("universe", f"{len(pairs)} pairs, {sectors} sectors, {renames} renames"),
        ("limits", f"heat {limits.heat:.0%}, {limits.equity_at_risk:.2%} at risk a trade, {caps}"),
        ("breakers", f"off: {', '.join(plan.breakers.off)}" if plan.breakers.off else "all on"),
        ("phase", f"{phase}, scale {plan.scale:g}, orders on {settings.exchange.orders}"),
        ("strategies", ", ".join(map(_strategy, plan.strategies)) or "none"),
        ("exchange", settings.exchange.kind),
    ]
    if plan.shadow is not None:
        rows.append(("shadow", f"{differing(plan.shadow, limits) or 'the same limits'}: counted, never acting"))
    if assumed := " ".join(pair.base for pair in pairs if pair.assumed):
        rows.append(("note", f"{assumed} are an assumption of universe.toml: confirm or replace them"))
    return rows
