"""All figures of a run, made of what it recorded and of nothing else."""

from msgspec import Struct

from services.backtest.result import Run, Variant
from services.backtest.statistics import ratios, trading
from services.backtest.statistics.daily import Days, compounded, days_of, market_of
from services.backtest.statistics.drawdowns import Drawdown, drawdowns_of, longest_days
from services.backtest.statistics.periods import Crisis, Month, Year, crises_of, months_of, years_of
from services.backtest.statistics.scorecard import Score, scorecard_of
from shared.domain.portfolio.performance import DAYS_A_YEAR, sharpe_of


class Day(Struct, frozen=True, kw_only=True):
    """A day and its return, as a fraction."""

    begin_ns: int
    value: float


class Performance(Struct, frozen=True, kw_only=True):
    """What became of NAV. Fractions; ratios are annualised with 365 days; None where a figure cannot be told.

    days: daily returns there were, parts of days at both ends within.
    sharpe_low, sharpe_high: 95 of 100 cases. sharpe_over_goal: how likely it is to be over the plan's goal.
    max_drawdown: the most within any hour; max_drawdown_daily: on daily NAV, by which Calmar is made.
    longest_drawdown_days: under an earlier peak.
    market: return of the equal-weighted basket of all pairs; correlation and beta with it, on daily returns.
    """

    days: int
    nav_start: float
    nav_end: float
    total_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sharpe_low: float | None
    sharpe_high: float | None
    sharpe_over_goal: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    max_drawdown_daily: float
    longest_drawdown_days: float
    best_day: Day | None
    worst_day: Day | None
    days_up: float
    market: float
    market_sharpe: float | None
    market_drawdown: float
    correlation: float | None
    beta: float | None


class Usage(Struct, frozen=True, kw_only=True):
    """How much was at work, over the hours of the curve. Fractions; of NAV but time_in_market.

    time_in_market: share of hours with at least one position.
    turnover: bought and sold over mean NAV, a year.
    """

    max_heat: float
    mean_heat: float
    mean_utilisation: float
    max_utilisation: float
    time_in_market: float
    max_positions: int
    turnover: float | None


class Figures(Struct, frozen=True, kw_only=True):
    """All of them. Groups are the best first, drawdowns the deepest first."""

    performance: Performance
    usage: Usage
    waterfall: trading.Waterfall
    trades: trading.TradeFigures
    stops: trading.StopFigures
    scorecard: tuple[Score, ...]
    months: tuple[Month, ...]
    years: tuple[Year, ...]
    drawdowns: tuple[Drawdown, ...]
    crises: tuple[Crisis, ...]
    by_pair: tuple[trading.Group, ...]
    by_sector: tuple[trading.Group, ...]
    by_strategy: tuple[trading.Group, ...]
    by_entry: tuple[trading.Group, ...]
    by_exit: tuple[trading.Group, ...]


def figures_of(run: Run) -> Figures:
    """All figures of the run."""
    days = days_of(run)
    market = market_of(run, days)
    return Figures(
        performance=_performance(run, days),
        usage=_usage(run, days),
        waterfall=trading.waterfall_of(run),
        trades=trading.trade_figures(run.trades),
        stops=trading.stop_figures(run),
        scorecard=scorecard_of(run, days),
        months=months_of(days, market),
        years=years_of(days, market),
        drawdowns=drawdowns_of(run),
        crises=crises_of(run, days, market),
        by_pair=trading.groups_of(run.trades, lambda trade: trade.symbol),
        by_sector=trading.groups_of(run.trades, lambda trade: trade.sector),
        by_strategy=trading.groups_of(run.trades, lambda trade: trade.strategy),
        by_entry=trading.groups_of(run.trades, lambda trade: trade.entry_reason),
        by_exit=trading.groups_of(run.trades, lambda trade: trade.exit_reason),
    )


def variant_of(name: str, run: Run) -> Variant:
    """What a run says as one of the variants of another."""
    performance = _performance(run, days_of(run))
    return Variant(
        name=name,
        market=run.setup.market,
        fill=run.setup.fill,
        cost_factor=run.setup.cost_factor,
        nav_end=performance.nav_end,
        total_return=performance.total_return,
        sharpe=performance.sharpe,
        max_drawdown=performance.max_drawdown,
        max_heat=max(run.curve.heat, default=0.0),
        trades=len(run.trades),
        stops=trading.stop_figures(run).count,
        halts=len(run.halts),
    )


def _performance(run: Run, days: Days) -> Performance:
    returns, market = days.returns, run.market_returns
    nav_end = run.curve.nav[-1] if run.curve.nav else run.starting_nav
    interval = ratios.sharpe_interval(returns)
    beside = ratios.against_market(returns, market_of(run, days))
    return Performance(
        days=len(returns),
        nav_start=run.starting_nav,
        nav_end=nav_end,
        total_return=nav_end / run.starting_nav - 1.0 if run.starting_nav > 0.0 else 0.0,
        cagr=ratios.cagr_of(returns),
        volatility=ratios.volatility_of(returns),
        sharpe=sharpe_of(returns),
        sharpe_low=interval.low if interval else None,
        sharpe_high=interval.high if interval else None,
        sharpe_over_goal=ratios.probability_of_sharpe_over(run.setup.goals.sharpe, returns),
        sortino=ratios.sortino_of(returns),
        calmar=ratios.calmar_of(returns),
        max_drawdown=max(run.curve.drawdown, default=0.0),
        max_drawdown_daily=ratios.deepest_fall(returns),
        longest_drawdown_days=longest_days(run),
        best_day=_day(days, max(returns)) if returns else None,
        worst_day=_day(days, min(returns)) if returns else None,
        days_up=sum(each > 0.0 for each in returns) / len(returns) if returns else 0.0,
        market=compounded(market),
        market_sharpe=sharpe_of(market),
        market_drawdown=ratios.deepest_fall(market),
        correlation=beside.correlation if beside else None,
        beta=beside.beta if beside else None,
    )


def _day(days: Days, value: float) -> Day:
    return Day(begin_ns=days.start_ns(days.returns.index(value)), value=value)


def _usage(run: Run, days: Days) -> Usage:
    curve = run.curve
    hours = max(1, len(curve.time_ns))
    return Usage(
        max_heat=max(curve.heat, default=0.0),
        mean_heat=sum(curve.heat) / hours,
        mean_utilisation=sum(curve.utilisation) / hours,
        max_utilisation=max(curve.utilisation, default=0.0),
        time_in_market=sum(held > 0 for held in curve.positions) / hours,
        max_positions=max(curve.positions, default=0),
        turnover=trading.turnover_of(run, len(days.returns) / DAYS_A_YEAR),
    )
