"""The portfolio over time: once an hour as a curve, once a day by pair and sector."""

from services.backtest.result import Curve, Exposure
from shared.domain.portfolio.performance import drawdown_of
from shared.domain.risk.state.state import RiskState
from shared.domain.timeframes import DAY_NS, HOUR_NS
from shared.domain.universe import PairNames


class CurveRecorder:
    """Takes the state when an instant has settled. Heat and drawdown of an hour are the most that it had."""

    def __init__(self, state: RiskState) -> None:
        self._state = state
        self._curve = Curve(
            time_ns=[], nav=[], cash=[], heat=[], heat_limit=[], utilisation=[], drawdown=[], positions=[]
        )
        self._hour = -1
        self._peak = 0.0

    def take(self, now_ns: int) -> None:
        """Note the figures of this moment; a later one of the same hour takes their place."""
        state, curve = self._state, self._curve
        nav = state.nav
        if not nav > 0.0:
            return  # a held pair has no price, so nobody knows
        heat = state.heat.risk / nav
        self._peak = max(self._peak, nav)
        drawdown = drawdown_of(self._peak, nav)
        hour = now_ns // HOUR_NS
        if hour == self._hour:
            heat, drawdown = max(heat, curve.heat.pop()), max(drawdown, curve.drawdown.pop())
            for column in (curve.time_ns, curve.nav, curve.cash, curve.heat_limit, curve.utilisation, curve.positions):
                column.pop()
        self._hour = hour
        curve.time_ns.append(now_ns)
        curve.nav.append(nav)
        curve.cash.append(state.ledger.cash)
        curve.heat.append(heat)
        curve.heat_limit.append(state.limits.heat)
        curve.utilisation.append(state.heat.holdings / nav)
        curve.drawdown.append(drawdown)
        curve.positions.append(sum(1 for _ in state.heat.positions()))

    def result(self) -> Curve:
        return self._curve


class ExposureRecorder:
    """What was held of every pair and sector at the first instant of each UTC day."""

    def __init__(self, state: RiskState) -> None:
        self._state, self._names = state, PairNames(state.universe)
        self._days: list[int] = []
        self._held: list[dict[str, tuple[str, float]]] = []

    def take(self, now_ns: int) -> None:
        day_ns = now_ns // DAY_NS * DAY_NS
        if self._days and self._days[-1] == day_ns:
            return
        self._days.append(day_ns)
        held = self._state.heat.positions()
        self._held.append({self._names.named(pair.symbol).pair: (pair.sector, pair.notional) for pair in held})

    def result(self) -> Exposure:
        pairs: dict[str, list[float]] = {}
        sectors: dict[str, list[float]] = {}
        for day, held in enumerate(self._held):
            for symbol, (sector, notional) in held.items():
                pairs.setdefault(symbol, [0.0] * len(self._days))[day] = notional
                sectors.setdefault(sector, [0.0] * len(self._days))[day] += notional
        return Exposure(day_ns=self._days, pairs=dict(sorted(pairs.items())), sectors=dict(sorted(sectors.items())))
