"""What the trades made and cost."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from math import sqrt

from msgspec import Struct

from services.backtest.result import Run, Trade
from shared.domain.timeframes import SECOND_NS

CENT = Decimal("0.01")
NOTHING = Decimal(0)


class Waterfall(Struct, frozen=True, kw_only=True):
    """From what trades made at the prices of the market to what was left, USDT: gross - fees - spread - slippage = net.

    change: of NAV, from the start to the end. difference: net - change; it is below a cent where the books are right.
    """

    gross: Decimal
    fees: Decimal
    spread: Decimal
    slippage: Decimal
    net: Decimal
    change: Decimal
    difference: Decimal

    @property
    def reconciles(self) -> bool:
        """To the cent."""
        return abs(self.difference) < CENT / 2

    @property
    def costs(self) -> Decimal:
        """Fees, spread and slippage."""
        return self.fees + self.spread + self.slippage


class Streak(Struct, frozen=True, kw_only=True):
    """The longest rows of trades that gained and that lost, in the order in which they ended."""

    wins: int
    losses: int


class TradeFigures(Struct, frozen=True, kw_only=True):
    """Of all trades; those that were still open count at their last price.

    win_rate: share that gained, after costs.
    profit_factor: what the winners made over what the losers lost; None without losers.
    expectancy: mean net of a trade, USDT; expectancy_share: mean of net over what was invested.
    average_win, average_loss: USDT. best, worst: net of one trade, USDT.
    sqn: system quality number, sqrt(n) x mean / sample standard deviation of net (Tharp, *Definitive Guide to Position
        Sizing*, 2008, on multiples of the initial risk; on net, as freqtrade has it); None for fewer than two.
    held_seconds: mean. hangs_on_order: share of trades whose entry and stop fell into one bar.
    """

    count: int
    open: int
    win_rate: float
    profit_factor: float | None
    expectancy: float
    expectancy_share: float
    average_win: float
    average_loss: float
    best: float
    worst: float
    sqn: float | None
    held_seconds: float
    streak: Streak
    hangs_on_order: float


class Group(Struct, frozen=True, kw_only=True):
    """Trades that have something in common: a pair, a sector, a strategy, or why they ended. Amounts in USDT."""

    name: str
    trades: int
    win_rate: float
    gross: Decimal
    costs: Decimal
    net: Decimal


class StopFigures(Struct, frozen=True, kw_only=True):
    """How stops were filled.

    slip: (stop - fill) / stop; mean, and the most of all. gapped: how many began under their price.
    beyond: what was lost beyond the stops' prices, costs of the sale but the fee within, USDT.
    """

    count: int
    gapped: int
    mean_slip: float
    worst_slip: float
    beyond: Decimal


def waterfall_of(run: Run) -> Waterfall:
    """Exact sums over all trades, against the change of NAV."""
    net = _sum(trade.net for trade in run.trades)
    end = run.curve.nav[-1] if run.curve.nav else run.starting_nav
    change = Decimal(repr(end)) - Decimal(repr(run.starting_nav))
    return Waterfall(
        gross=_sum(trade.gross for trade in run.trades),
        fees=_sum(trade.fees for trade in run.trades),
        spread=_sum(trade.spread for trade in run.trades),
        slippage=_sum(trade.slippage for trade in run.trades),
        net=net,
        change=change,
        difference=net - change,
    )


def trade_figures(trades: Sequence[Trade]) -> TradeFigures:
    """All figures of these trades; of none they are 0 or None."""
    nets = [float(trade.net) for trade in trades]
    wins, losses = [net for net in nets if net > 0.0], [net for net in nets if net < 0.0]
    lost = -sum(losses)
    return TradeFigures(
        count=len(trades),
        open=sum(trade.open for trade in trades),
        win_rate=_mean([float(net > 0.0) for net in nets]),
        profit_factor=sum(wins) / lost if lost > 0.0 else None,
        expectancy=_mean(nets),
        expectancy_share=_mean([float(trade.net / trade.invested) for trade in trades if trade.invested]),
        average_win=_mean(wins),
        average_loss=_mean(losses),
        best=max(nets, default=0.0),
        worst=min(nets, default=0.0),
        sqn=_sqn(nets),
        held_seconds=_mean([(trade.closed_ns - trade.opened_ns) / SECOND_NS for trade in trades]),
        streak=_streak(trades),
        hangs_on_order=_mean([float(trade.hangs_on_order) for trade in trades]),
    )


def groups_of(trades: Sequence[Trade], key: Callable[[Trade], str]) -> tuple[Group, ...]:
    """Trades by what the key says of them, the best group first."""
    grouped: dict[str, list[Trade]] = {}
    for trade in trades:
        grouped.setdefault(key(trade), []).append(trade)
    groups = [_group(name, members) for name, members in grouped.items()]
    return tuple(sorted(groups, key=lambda group: (-group.net, group.name)))


def stop_figures(run: Run) -> StopFigures:
    """Of all fills of stops."""
    stops = [(fill, fill.stop) for fill in run.fills if fill.stop]
    slips = [float((stop - fill.price) / stop) for fill, stop in stops]
    return StopFigures(
        count=len(stops),
        gapped=sum(fill.reference < stop for fill, stop in stops),
        mean_slip=_mean(slips),
        worst_slip=max(slips, default=0.0),
        beyond=_sum((stop - fill.price) * fill.quantity for fill, stop in stops),
    )


def turnover_of(run: Run, years: float) -> float | None:
    """All that was bought and sold, at the prices paid, over mean NAV, a year."""
    mean_nav = _mean(run.curve.nav)
    if years <= 0.0 or mean_nav <= 0.0:
        return None
    return float(_sum(fill.quantity * fill.price for fill in run.fills)) / mean_nav / years


def _group(name: str, trades: Sequence[Trade]) -> Group:
    return Group(
        name=name,
        trades=len(trades),
        win_rate=_mean([float(trade.net > 0) for trade in trades]),
        gross=_sum(trade.gross for trade in trades),
        costs=_sum(trade.fees + trade.spread + trade.slippage for trade in trades),
        net=_sum(trade.net for trade in trades),
    )


def _sqn(nets: list[float]) -> float | None:
    if len(nets) < 2:
        return None
    mean = _mean(nets)
    deviation = sqrt(sum((net - mean) ** 2 for net in nets) / (len(nets) - 1))
    return sqrt(len(nets)) * mean / deviation if deviation > 1e-9 * max(1.0, abs(mean)) else None


def _streak(trades: Sequence[Trade]) -> Streak:
    most = {True: 0, False: 0}
    run, sign = 0, None
    for trade in sorted(trades, key=lambda each: (each.closed_ns, each.symbol)):
        gained = trade.net > 0 if trade.net else None
        run = run + 1 if gained == sign else 1
        sign = gained
        if gained is not None:
            most[gained] = max(most[gained], run)
    return Streak(wins=most[True], losses=most[False])


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, NOTHING)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
