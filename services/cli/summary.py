"""What a run came to, at its end."""

from collections.abc import Mapping

from services.cli.failing import EXIT_CONFIG
from services.cli.render import pairs_off
from services.cli.supervisor import Child
from services.cli.watch import Tally
from shared.application.wording.formats import clock, count, duration, percent, rehearsed, usd


def summary_rows(tally: Tally, seconds: float, restarts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Name and value, in the order in which they are read. restarts: by child, only of those that had any."""
    rows = [
        ("ran", duration(seconds) + (f", market at {clock(tally.market_ns)}" if tally.market_ns else "")),
        ("bars", f"{tally.bars:,} live, {tally.backfilled:,} of history"),
        ("sizes", f"{tally.sizes:,} for {len(tally.latest_size)} pairs"),
        ("signals", f"{tally.signals:,}"),
        ("proposals", f"{tally.proposals:,}"),
        ("verdicts", _verdicts(tally)),
        ("bound by", ", ".join(f"{rule} {count:,}" for rule, count in tally.bindings.most_common()) or "no rule"),
        ("fills", f"{tally.fills:,}, fees {usd(tally.fees_usdt)}"),
        *_endings(tally),
        *_portfolio(tally),
        ("restarts", _restarts(restarts)),
        ("first decision", _first_decision(tally)),
    ]
    if tally.off_pairs:
        rows.append(("pairs off", pairs_off(tally)))
    if tally.refused:
        rows.append(("refused", f"{count(tally.refused, 'message')} that could not be read, on hs:dead"))
    if tally.is_waiting:
        rows.append(("waiting", "for the exchange: nothing was heard of it yet"))
    if tally.halted:
        rows.append(("halted", tally.halted))
    return rows


def failure_text(child: Child, last_error: str) -> str:
    """Which child did not stay up, and the last error that it told."""
    if child.exit_code == EXIT_CONFIG:
        what = "refused what it was given and was not started again"
    elif child.crashes > 1:
        what = f"ended by itself {child.crashes} times in a row"
    else:
        what = "ended by itself"
    code = "" if child.exit_code is None else f" (exit code {child.exit_code})"
    return f"{child.spec.name} {what}{code}: {last_error or 'it told no error'}"


def summary_text(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def _verdicts(tally: Tally) -> str:
    parts = [f"{kind} {tally.verdicts[kind]:,}" for kind in ("approve", "trim", "reject")]
    return f"{tally.decisions:,}: {', '.join(parts)}"


def _endings(tally: Tally) -> list[tuple[str, str]]:
    odd = {ending: count for ending, count in tally.endings.items() if ending != "filled"}
    return [("unfilled", ", ".join(f"{ending} {count:,}" for ending, count in odd.items()))] if odd else []


def _portfolio(tally: Tally) -> list[tuple[str, str]]:
    now, first = tally.portfolio, tally.first_portfolio
    if now is None or first is None:
        return [("NAV", "no snapshot of the portfolio came")]
    change, phase = now.nav / first.nav - 1, rehearsed(now.phase, rehearsal=now.rehearsal)
    return [
        ("NAV", f"{usd(now.nav)} ({percent(change, signed=True)}), drawdown {percent(now.drawdown)}"),
        ("heat", f"{percent(now.heat)} of {percent(now.heat_limit, 0)}, at most {percent(tally.max_heat)}"),
        (
            "positions",
            f"{len(now.positions)}, {percent(now.utilisation, 1)} of NAV in use, phase {phase}",
        ),
    ]


def _restarts(restarts: Mapping[str, int]) -> str:
    if not restarts:
        return "0"
    return f"{sum(restarts.values())}: " + ", ".join(f"{name} {count}" for name, count in restarts.items())


def _first_decision(tally: Tally) -> str:
    if tally.first_decision_seconds is None:
        return "none"
    return f"{tally.first_decision_seconds:.1f} s after the services' start"
