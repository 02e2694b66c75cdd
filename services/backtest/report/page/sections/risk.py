"""What the risk layer did: heat, use, exposure, verdicts, halts, stops."""

from collections.abc import Mapping, Sequence

from services.backtest.report.page.markup import Column, Markup, joined, numbers, table, tag, texts
from services.backtest.report.page.pictures import halts_in_time, heat_map, stacked
from services.backtest.report.page.plot import Line, Plot
from services.backtest.report.words import cents, minute, saved
from services.backtest.result import Backtest, Fill, HaltSpan, Run
from services.backtest.statistics import Figures
from services.backtest.statistics.daily import nav_at
from shared.application.wording.formats import (
    count,
    duration,
    percent,
    price,
    quantity,
    scope,
    share,
    usd,
)
from shared.domain.timeframes import SECOND_NS

HALTS_BYTES = 90_000
STOPS_BYTES = 60_000


def heat_plot(backtest: Backtest, figures: Figures) -> Plot:
    """Heat under its limit."""
    curve = backtest.run.curve
    limit = max(curve.heat_limit, default=backtest.run.setup.goals.heat)
    return Plot(
        "heat",
        "Heat, the most of each hour",
        f"Heat was {percent(figures.usage.max_heat)} at most and {percent(figures.usage.mean_heat)} on average; "
        f"its limit was {percent(limit)}.",
        curve.time_ns,
        (Line("heat", curve.heat, "main", filled=True), Line("limit", curve.heat_limit, "limit")),
        "fraction",
        beyond=limit,
        low=0.0,
        high=max(limit, figures.usage.max_heat) * 1.15,
    )


def utilisation_plot(backtest: Backtest, figures: Figures) -> Plot:
    """Use against what the plan wants."""
    curve, goals, used = backtest.run.curve, backtest.run.setup.goals, figures.usage
    return Plot(
        "utilisation",
        "In use, of NAV; shaded: what the plan wants",
        f"Use was {percent(used.mean_utilisation, 1)} on average, {percent(used.max_utilisation, 1)} at most.",
        curve.time_ns,
        (Line("in use", curve.utilisation, "second", filled=True),),
        "fraction",
        band=(goals.utilisation_low, goals.utilisation_high),
        low=0.0,
        high=max(1.0, used.max_utilisation),
    )


def exposure(backtest: Backtest, _: Figures) -> Markup:
    """By sector and by pair, over time."""
    run, goals = backtest.run, backtest.run.setup.goals
    days, sectors, pairs = run.exposure.day_ns, shares(run, run.exposure.sectors), shares(run, run.exposure.pairs)
    return joined(
        (
            stacked(
                "By sector, share of NAV at the first instant of each day", _largest("sector", sectors), days, sectors
            ),
            heat_map(
                f"By pair, share of NAV, the most of each strip of time; the cap is {percent(goals.pair, 0)}",
                _largest("pair", pairs),
                days,
                pairs,
                goals.pair,
            ),
        )
    )


def shares(run: Run, held: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Notional of each day as a share of its NAV."""
    navs = [nav_at(run, day_ns) for day_ns in run.exposure.day_ns]
    return {name: [share(each, nav) for each, nav in zip(values, navs, strict=True)] for name, values in held.items()}


def _largest(kind: str, parts: Mapping[str, Sequence[float]]) -> str:
    most, name = max(((max(values, default=0.0), name) for name, values in parts.items()), default=(0.0, ""))
    return f"The largest {kind} was {name} with {percent(most)} of NAV." if most else "Nothing was held."


def verdicts(backtest: Backtest, _: Figures) -> Markup:
    """What the gate let through, and which rule kept out how much."""
    of, run = backtest.run.verdicts, backtest.run
    proposed = of.approve + of.trim + of.reject
    said = (
        f"Of {count(proposed, 'purchase')} asked for, {of.approve:,} were approved whole, {of.trim:,} were cut and "
        f"{of.reject:,} rejected: {usd(of.approved)} of {usd(of.asked)} passed. {count(of.sells, 'sale')} passed too, "
        f"and stops were raised {count(run.raises, 'time')}."
    )
    whole = sum(rule.kept_out for rule in of.rules)
    ordered = sorted(of.rules, key=lambda rule: (-rule.kept_out, rule.rule))
    rows = [
        (
            rule.rule,
            f"{rule.trimmed:,}",
            f"{rule.rejected:,}",
            usd(rule.kept_out),
            _bar(share(rule.kept_out, whole)),
        )
        for rule in ordered
    ]
    columns = (Column("Rule"), *numbers("Cut", "Rejected", "Kept out"), Column("Share"))
    return joined((tag("p", said), table("Verdicts by the rule that set them.", columns, rows)))


def _bar(part: float) -> Markup:
    return Markup(f"<td class=t>{tag('span', class_='bar', style=f'--v:{part:.3f}')}{percent(part, 0)}")


def halts(backtest: Backtest, _: Figures) -> Markup:
    """On the time axis, by trigger, and one by one."""
    run = backtest.run
    if not run.halts:
        return tag("p", "Nothing was halted.", class_="note")
    total = sum(halt.saved for halt in run.halts)
    said = (
        f"{count(len(run.halts), 'halt')} together {'saved' if total >= 0 else 'cost'} {usd(abs(total))}: what "
        "the first purchase of each pair that was held back would have lost, or made, until its end, without costs and "
        "other limits, which would have cut much of it. The run without breakers says what they did together."
    )
    summary = (
        f"{count(len(run.halts), 'halt')}, of them {sum(not halt.symbol for halt in run.halts)} of the whole portfolio."
    )
    picture = halts_in_time("Halts over time, by what set them off", summary, run.start_ns, run.end_ns, run.halts)
    return joined((tag("p", said), picture, _by_trigger(run), _halts(run)))


def _by_trigger(run: Run) -> Markup:
    triggers: dict[str, list[HaltSpan]] = {}
    for halt in run.halts:
        triggers.setdefault(halt.trigger, []).append(halt)
    rows = [
        (
            trigger,
            f"{len(found):,}",
            duration(sum(_length_ns(halt, run) for halt in found) / len(found) / SECOND_NS),
            f"{sum(halt.refused for halt in found):,}",
            usd(sum(halt.kept_out for halt in found)),
            usd(sum(halt.saved for halt in found)),
        )
        for trigger, found in sorted(triggers.items(), key=lambda each: -len(each[1]))
    ]
    columns = (Column("Set off by"), *numbers("Halts", "Mean length", "Refused", "Held back", "Saved"))
    return table("Halts by trigger. Below zero: they cost.", columns, rows)


def _halts(run: Run) -> Markup:
    """Those of the whole portfolio first, then those that mattered most."""
    ordered = sorted(run.halts, key=lambda halt: (bool(halt.symbol), -abs(halt.saved), halt.begin_ns))
    rows = [
        (
            minute(halt.begin_ns),
            scope(halt.symbol),
            halt.trigger,
            halt.mode,
            duration(_length_ns(halt, run) / SECOND_NS),
            f"{halt.reason}; {halt.evidence}" if halt.evidence else halt.reason,
            halt.ended_by if halt.end_ns else "it stood at the end",
            saved(halt),
        )
        for halt in ordered
    ]
    columns = texts("Began", "Halted", "Set off by", "Mode", "Length", "Why", "Ended by", "What it saved or cost")
    caption = "Halts: of the portfolio first, then those that saved or cost most."
    return table(caption, columns, rows, identity="halts-table", sortable=True, most_bytes=HALTS_BYTES, stack=True)


def _length_ns(halt: HaltSpan, run: Run) -> int:
    return (halt.end_ns or run.end_ns) - halt.begin_ns


def phases(backtest: Backtest, _: Figures) -> Markup:
    """When which phase was in force."""
    rows = [(phase.phase, f"{phase.scale:g}", minute(phase.since_ns), phase.reason) for phase in backtest.run.phases]
    return table(
        "Phases: their scale sets how much a trade may put at risk.",
        (Column("Phase"), *numbers("Scale"), *texts("Since", "Why")),
        rows,
    )


def stops(backtest: Backtest, figures: Figures) -> Markup:
    """Stop, fill, and what lay between."""
    of = figures.stops
    if not of.count:
        return tag("p", "No stop was hit.", class_="note")
    said = (
        f"{count(of.count, 'stop')} sold, {percent(of.mean_slip)} under the stop on average and "
        f"{percent(of.worst_slip)} at most; {of.gapped:,} of them began under it, for the price had gapped. "
        f"Beyond the stops {usd(of.beyond)} were lost."
    )
    hit = sorted((fill for fill in backtest.run.fills if fill.stop), key=lambda fill: (-_slip(fill), fill.time_ns))
    rows = [
        (
            minute(fill.time_ns),
            fill.symbol,
            quantity(fill.quantity),
            price(fill.stop or 0),
            price(fill.reference),
            price(fill.price),
            f"{_slip(fill) * 10_000:,.1f}",
            cents(((fill.stop or fill.price) - fill.price) * fill.quantity),
        )
        for fill in hit
    ]
    columns = (*texts("When", "Pair"), *numbers("Quantity", "Stop", "Market", "Fill", "Slip, bp", "Beyond the stop"))
    caption = "Stops, those that slipped most first."
    return joined(
        (tag("p", said), table(caption, columns, rows, identity="stops-table", sortable=True, most_bytes=STOPS_BYTES))
    )


def _slip(fill: Fill) -> float:
    return float((fill.stop - fill.price) / fill.stop) if fill.stop else 0.0
