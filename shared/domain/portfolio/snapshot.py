"""The portfolio as one message: ``PortfolioMarked``."""

from shared.domain.portfolio.heat import Heat
from shared.domain.portfolio.ledger import Ledger
from shared.domain.portfolio.performance import drawdown_of
from shared.messages.base import Message
from shared.messages.portfolio import PortfolioMarked, PositionMarked


def snapshot_of(
    ledger: Ledger,
    heat: Heat,
    *,
    cause: Message,
    portfolio: str,
    heat_limit: float,
    phase: str,
    open_orders: int,
    stops_hit_usdt: float,
) -> PortfolioMarked | None:
    """The next snapshot; None while a held pair has no price, because then NAV is unknown.

    Counts the snapshot in the account, and moves the all-time peak of NAV.
    """
    account = ledger.account
    nav = float(account.cash) + heat.holdings
    if heat.unmarked or not nav > 0:
        return None
    seq, held = account.snapshots + 1, list(heat.positions())
    ledger.count_snapshot(nav)
    return PortfolioMarked(
        id=f"portfolio-{portfolio}-{seq}",
        cause=cause.id,
        trace=cause.trace_id,
        time_ns=cause.time_ns,
        nav=nav,
        cash=account.cash,
        heat=heat.risk / nav,
        heat_open=heat.open_risk / nav,
        heat_reserved=heat.reserved_risk / nav,
        heat_limit=heat_limit,
        utilisation=heat.holdings / nav,
        drawdown=drawdown_of(ledger.account.peak_nav_of_all_time, nav),
        positions=tuple(
            PositionMarked(
                symbol=position.symbol,
                sector=pair.sector,
                quantity=position.quantity,
                mark=pair.mark,
                stop=position.stop,
                open_risk_usdt=pair.open_risk,
                notional_usdt=pair.notional,
            )
            for position in ledger.positions()
            if (pair := heat.pair(position.symbol)) is not None
        ),
        sectors=dict(heat.sectors),
        phase=phase,
        seq=seq,
        open_orders=open_orders,
        unpriced=tuple(sorted([pair.symbol for pair in held if pair.unpriced_at])),
        dust=tuple(sorted([pair.symbol for pair in held if pair.is_dust])),
        heat_stops_hit=stops_hit_usdt / nav,
    )
