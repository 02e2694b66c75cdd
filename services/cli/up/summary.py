"""What a run came to, at its end."""

from collections import Counter
from collections.abc import Mapping

from services.cli.up.supervisor import Child
from shared.application.monitor import Activity
from shared.application.wording.activity import halted_scopes, pairs_off, verdicts_text
from shared.application.wording.formats import clock, count, duration, percent, rehearsed, share, usd
from shared.config.faults import EXIT_CONFIG
from shared.messages.dead_letter import MessageRefused
from shared.messages.signals import PositionSized, SignalRaised


def summary_rows(activity: Activity, seconds: float, restarts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Name and value of each row, in the order in which they are read.

    restarts: how many there were, by child; children without any are left out.
    """
    state, counts = activity.state, activity.counts
    rows = [
        ("ran", duration(seconds) + (f", market at {clock(state.market_ns)}" if state.market_ns else "")),
        ("bars", f"{counts.bars:,} live, {counts.backfilled:,} of history"),
        ("sizes", f"{counts.of(PositionSized):,} for {count(len(state.latest_sizes), 'pair')}"),
        ("signals", f"{counts.of(SignalRaised):,}"),
        ("proposals", f"{counts.proposals:,}"),
        ("verdicts", f"{counts.decisions.total():,}: {verdicts_text(counts.decisions)}"),
        ("bound by", ", ".join(f"{rule} {count:,}" for rule, count in counts.binding.most_common()) or "no rule"),
        ("fills", f"{counts.fills.total():,}, fees {usd(counts.fees_usdt)}"),
        *_endings(counts.endings),
        *_portfolio(activity),
        ("restarts", _restarts(restarts)),
        ("first decision", _first_decision(activity)),
    ]
    if state.off_pairs:
        rows.append(("pairs off", pairs_off(state)))
    if refused := counts.of(MessageRefused):
        rows.append(("refused", f"{count(refused, 'message')} that could not be read, believed or handled, on hs:dead"))
    if counts.untold:
        rows.append(
            (
                "not shown",
                f"{', '.join(f'{name} {number:,}' for name, number in counts.untold.items())}, because of a bug",
            )
        )
    if state.is_not_yet_connected:
        rows.append(("waiting", "for the exchange: nothing was heard of it yet"))
    if halted := halted_scopes(state):
        rows.append(("halted", halted))
    return rows


def end_text(reason: str, end_ns: int, market_ns: int) -> str:
    """Why the market of a run ended, and how far it went on beyond that; both times are market time."""
    if market_ns <= end_ns:
        return reason
    return f"{reason}; the market ran on until {clock(market_ns)}, when the services had ended"


def failure_text(child: Child, last_error: str) -> str:
    """A sentence that says which child did not stay up, and the last error that it told."""
    if child.exit_code == EXIT_CONFIG:
        what = "refused what it was given and was not started again"
    elif child.crashes > 1:
        what = f"ended by itself {child.crashes} times in a row"
    else:
        what = "ended by itself"
    code = "" if child.exit_code is None else f" (exit code {child.exit_code})"
    return f"{child.spec.name} {what}{code}: {last_error or 'it told no error'}"


def summary_lines(rows: list[tuple[str, str]]) -> list[str]:
    """The rows as a table."""
    width = max(len(name) for name, _ in rows)
    return [f"  {name:<{width}}  {value}" for name, value in rows]


def _endings(endings: Counter[str]) -> list[tuple[str, str]]:
    odd = {ending: count for ending, count in endings.items() if ending != "filled"}
    return [("unfilled", ", ".join(f"{ending} {count:,}" for ending, count in odd.items()))] if odd else []


def _portfolio(activity: Activity) -> list[tuple[str, str]]:
    now, first = activity.state.portfolio, activity.counts.first_portfolio
    if now is None or first is None:
        return [("NAV", "no snapshot of the portfolio came")]
    change, phase = share(now.nav - first.nav, first.nav), rehearsed(now.phase, rehearsal=now.rehearsal)
    most = percent(activity.counts.max_heat)
    return [
        ("NAV", f"{usd(now.nav)} ({percent(change, signed=True)}), drawdown {percent(now.drawdown)}"),
        ("heat", f"{percent(now.heat)} of {percent(now.heat_limit, 0)}, at most {most}"),
        (
            "positions",
            f"{len(now.positions)}, {percent(now.utilisation, 1)} of NAV in use, phase {phase}",
        ),
    ]


def _restarts(restarts: Mapping[str, int]) -> str:
    if not restarts:
        return "0"
    return f"{sum(restarts.values())}: " + ", ".join(f"{name} {count}" for name, count in restarts.items())


def _first_decision(activity: Activity) -> str:
    if activity.first_decision_seconds is None:
        return "none"
    return f"{activity.first_decision_seconds:.1f} s after the services' start"
