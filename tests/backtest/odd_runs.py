"""Runs as nobody expects them: no trades, one day, one instant, the loss of everything, names that break pages."""

import msgspec
from hypothesis import strategies as st

from services.backtest.result import Run
from shared.domain.timeframes import HOUR_NS
from tests.backtest.believable import START_NS, made_run

ODD_TEXTS = ("<script>alert(1)</script>", "</script>", "]]>", "'\"&<>", "=1+1", "\u2028", "a\nb", "", "é" * 40, "<!--")


@st.composite
def odd_runs(draw: st.DrawFn) -> Run:
    """A believable run that was bent."""
    days, trades, seed = draw(st.integers(1, 70)), draw(st.integers(0, 40)), draw(st.integers(0, 9))
    run = made_run(days=days, trades=trades, seed=seed)
    bend = draw(st.sampled_from((as_it_is, one_instant, no_instant, lost_all, gained_much, flat, odd_names)))
    return bend(run)


def as_it_is(run: Run) -> Run:
    """A believable one."""
    return run


def with_points(run: Run, count: int) -> Run:
    """The first so many points of the curve."""
    cut = {name: values[:count] for name, values in msgspec.structs.asdict(run.curve).items()}
    ended = START_NS + count * HOUR_NS
    return msgspec.structs.replace(run, curve=type(run.curve)(**cut), end_ns=ended, trades=(), fills=(), halts=())


def one_instant(run: Run) -> Run:
    """The first hour only."""
    return with_points(run, 1)


def no_instant(run: Run) -> Run:
    """Nothing was played."""
    bare = with_points(run, 0)
    exposure = msgspec.structs.replace(run.exposure, day_ns=[], pairs={}, sectors={})
    return msgspec.structs.replace(
        bare, exposure=exposure, market_returns=[], coverage=(), phases=(), instants=0, bars=0
    )


def with_navs(run: Run, navs: list[float]) -> Run:
    """With other NAVs."""
    return msgspec.structs.replace(run, curve=msgspec.structs.replace(run.curve, nav=navs))


def lost_all(run: Run) -> Run:
    """Everything is lost in the middle."""
    half = len(run.curve.nav) // 2
    return with_navs(run, [*run.curve.nav[:half], *[0.0] * (len(run.curve.nav) - half)])


def gained_much(run: Run) -> Run:
    """A hundredfold in an hour."""
    return with_navs(run, [nav * 100.0 for nav in run.curve.nav])


def flat(run: Run) -> Run:
    """NAV never moves."""
    return with_navs(run, [run.starting_nav] * len(run.curve.nav))


def odd_names(run: Run) -> Run:
    """Pairs, reasons, strategies that are no names."""
    trades = tuple(
        msgspec.structs.replace(
            trade,
            symbol=ODD_TEXTS[index % len(ODD_TEXTS)],
            sector=ODD_TEXTS[(index + 1) % len(ODD_TEXTS)],
            strategy=ODD_TEXTS[(index + 2) % len(ODD_TEXTS)],
            entry_reason=ODD_TEXTS[(index + 3) % len(ODD_TEXTS)],
        )
        for index, trade in enumerate(run.trades)
    )
    halts = tuple(
        msgspec.structs.replace(halt, symbol=text, reason=text, ended_by=text, trigger=text)
        for halt, text in zip(run.halts, ODD_TEXTS * len(run.halts), strict=False)
    )
    setup = msgspec.structs.replace(run.setup, command=ODD_TEXTS[1], assumptions=ODD_TEXTS, rules_off=ODD_TEXTS)
    exposure = msgspec.structs.replace(
        run.exposure,
        pairs=dict(zip(ODD_TEXTS, run.exposure.pairs.values(), strict=False)),
        sectors=dict(zip(ODD_TEXTS, run.exposure.sectors.values(), strict=False)),
    )
    return msgspec.structs.replace(run, trades=trades, halts=halts, setup=setup, exposure=exposure)
