"""Halts as a report tells them."""

from msgspec import structs

from services.backtest.recorder.halts import HaltRecorder
from services.backtest.run import BacktestRun
from shared.domain.timeframes import HOUR_NS, MS_NS
from shared.messages.halts import Halted, HaltMode, Resumed
from shared.messages.signals import SignalRaised
from tests.backtest.random_market import PLAN, START_MS, random_options, random_reader

RENAMED_NS = (START_MS + 48 * 3_600_000) * MS_NS


def halted(time_ns: int, mode: HaltMode = "reducing", symbol: str = "") -> Halted:
    return Halted(
        id=f"h-{time_ns}", time_ns=time_ns, symbol=symbol, mode=mode, trigger="market_shock", reason="it fell"
    )


def signal(time_ns: int, symbol: str, strength: float) -> SignalRaised:
    return SignalRaised(
        id=f"s-{time_ns}", time_ns=time_ns, symbol=symbol, strategy="donchian", timeframe="1h", strength=strength
    )


def test_a_halt_that_became_stricter_is_told_as_what_it_became() -> None:
    state = BacktestRun(random_options(), random_reader(1)).risk.state
    halts = HaltRecorder(state, PLAN, lambda _symbol: 0.0)
    for number, mode in enumerate(("reducing", "halted"), start=1):
        halts.halted(halted(number, mode))
    halts.finish()
    (span,) = halts.spans
    assert (span.mode, span.begin_ns, span.end_ns) == ("halted", 1, 0)


def test_what_a_halt_kept_out_is_judged_in_the_same_units_when_the_pair_gets_another_name() -> None:
    """One MATIC at 100 becomes two POL at 50: nobody has gained or lost."""
    idle = structs.replace(PLAN, strategies=())
    run = BacktestRun(random_options(days=4, plan=idle, bars="1h"), random_reader(1, days=4))
    marks = {"MATIC/USDT": 100.0, "POL/USDT": 0.0}
    halts = HaltRecorder(run.risk.state, PLAN, lambda symbol: marks.get(symbol, 0.0))
    begun = False
    for _ in run.instants():
        now_ns = run.last_ns
        if not begun and now_ns > RENAMED_NS - 3 * HOUR_NS:
            halts.halted(halted(now_ns))
            halts.signal(signal(now_ns, "MATIC/USDT", 1.0))
            begun = True
        if now_ns > RENAMED_NS + HOUR_NS:
            break
    marks["POL/USDT"] = 50.0
    halts.signal(signal(run.last_ns, "POL/USDT", 0.0))
    halts.resumed(
        Resumed(id="r", time_ns=run.last_ns, symbol="", trigger="market_shock", who="operator", reason="it is over")
    )
    (span,) = halts.spans
    assert span.kept_out > 0.0
    assert abs(span.saved) < 1e-9
