"""One believable message of every kind, for golden bytes, round trips and contract tests."""

from decimal import Decimal

from shared.messages.ask import (
    ImportAnswered,
    ImportAsked,
    ImportRow,
    Room,
    RoomAnswered,
    RoomAsked,
    ShadowAsked,
    ShadowCounted,
)
from shared.messages.base import Message
from shared.messages.control import (
    ApprovePhase,
    Flatten,
    Halt,
    ImportPositions,
    PositionToImport,
    Resume,
    SetLimits,
    SetPhase,
    WriteOff,
    WriteOffOrder,
)
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    CeilingReport,
    ImportDecided,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopPlaced,
    StopRaised,
    WriteOffDecided,
)
from shared.messages.portfolio import (
    BookedPosition,
    CommandRefused,
    LimitsChanged,
    OrderWrittenOff,
    PhaseChanged,
    PhaseProposed,
    PortfolioMarked,
    PositionMarked,
    PositionsImported,
    PositionWrittenOff,
)
from shared.messages.reports import (
    ClosedReported,
    FillReported,
    PlacedReported,
    ReportAwaited,
    ReportRefused,
    StopReported,
)
from shared.messages.signals import PositionSized, SignalRaised, SignalRefused

D = Decimal
T0 = 1_667_260_800_000_000_000  # 2022-11-01 00:00 UTC
HOUR = 3_600_000_000_000
BAR_ID = "BTCUSDT-1h-1667260800000"


def bar(symbol: str = "BTC/USDT", *, timeframe: str = "1h", hour: int = 0, close: float = 20_500.0) -> BarClosed:
    """An hourly (or other) bar that opens ``hour`` hours after T0."""
    length = {"1h": HOUR, "1d": 24 * HOUR, "15m": HOUR // 4}[timeframe]
    opened = T0 + hour * HOUR
    return BarClosed(
        id=f"{symbol.replace('/', '')}-{timeframe}-{opened // 1_000_000}",
        trace=f"{symbol.replace('/', '')}-{timeframe}-{opened // 1_000_000}",
        time_ns=opened + length - 1_000_000,
        symbol=symbol,
        timeframe=timeframe,
        open_time_ns=opened,
        close_time_ns=opened + length - 1_000_000,
        open=close * 0.998,
        high=close * 1.004,
        low=close * 0.995,
        close=close,
        volume=1200.5,
        quote_volume=1200.5 * close,
        trades=4321,
    )


def proposal(order_id: str = "o-1", **changes: object) -> OrderProposed:
    fields: dict[str, object] = {
        "id": order_id,
        "cause": BAR_ID,
        "trace": BAR_ID,
        "time_ns": T0 + HOUR,
        "symbol": "BTC/USDT",
        "side": "buy",
        "quantity": D("0.1"),
        "stop_price": D("19500"),
        "strategy": "donchian",
    }
    return OrderProposed(**(fields | changes))  # type: ignore[arg-type]


def decision(order_id: str = "o-1", **changes: object) -> OrderDecided:
    fields: dict[str, object] = {
        "id": f"decided-{order_id}",
        "cause": order_id,
        "trace": BAR_ID,
        "time_ns": T0 + HOUR,
        "order_id": order_id,
        "symbol": "BTC/USDT",
        "side": "buy",
        "verdict": "trim",
        "quantity_requested": D("0.5"),
        "quantity_approved": D("0.31"),
        "binding": "sector_cap",
        "reason": "sector_cap has 6,355.00 of 50,000.00 USDT left",
        "ceilings": (
            CeilingReport(
                rule="sector_cap", quantity=0.31, limit=50_000.0, used=43_645.0, headroom=6_355.0, unit="USDT"
            ),
        ),
        "heat_before": 0.031,
        "heat_after": 0.0326,
        "nav": 200_000.0,
        "mark": 20_500.0,
        "risk_usdt": 316.2,
        "cash_usdt": 6_361.4,
        "policy": "a1b2c3d4e5f6",
        "seq": 7,
        "stop_price": D("19500"),
        "strategy": "donchian",
    }
    return OrderDecided(**(fields | changes))  # type: ignore[arg-type]


def fill(order_id: str = "o-1", *, trade: str = "t-1", **changes: object) -> OrderFilled:
    fields: dict[str, object] = {
        "id": f"filled-{order_id}-{trade}",
        "cause": f"decided-{order_id}",
        "trace": BAR_ID,
        "time_ns": T0 + HOUR,
        "order_id": order_id,
        "trade_id": trade,
        "symbol": "BTC/USDT",
        "side": "buy",
        "quantity": D("0.31"),
        "price": D("20510.25"),
        "fee_usdt": D("6.35817750"),
        "stop_price": D("19500"),
    }
    return OrderFilled(**(fields | changes))  # type: ignore[arg-type]


def book(message_id: str = "book-1", **changes: object) -> BookSampled:
    """A book of 3 levels a side that carries $25,000 at 1.5 bp."""
    fields: dict[str, object] = {
        "id": message_id,
        "time_ns": T0,
        "symbol": "BTC/USDT",
        "bids": ((20_500.0, 1.5), (20_499.0, 4.0), (20_490.0, 60.0)),
        "asks": ((20_501.0, 0.75), (20_502.5, 3.25), (20_510.0, 55.5)),
        "size_usdt": 25_000.0,
        "spread": 0.00015,
        "median_spread": 0.00012,
        "samples": 60,
    }
    return BookSampled(**(fields | changes))  # type: ignore[arg-type]


def counted(**changes: object) -> ShadowCounted:
    fields: dict[str, object] = {
        "id": "counted-1",
        "cause": "asked-2",
        "time_ns": T0,
        "reply_to": "hs:reply:7f3a",
        "policy": "0f1e2d3c4b5a",
        "decisions": 212,
        "would_trim": 14,
        "would_reject": 3,
        "would_allow_more": 0,
        "by_rule": {"portfolio_heat": 15, "sector_cap": 2},
        "summary": "with heat 6 %, 14 of 212 orders would have been trimmed and 3 rejected",
    }
    return ShadowCounted(**(fields | changes))  # type: ignore[arg-type]


def header(message_id: str) -> dict[str, object]:
    return {"id": message_id, "cause": "cause-1", "trace": BAR_ID, "time_ns": T0}


def samples() -> list[Message]:
    """One of each, in the order of the catalogue."""
    return [
        bar(),
        MarkChanged(**header("mark-1"), symbol="BTC/USDT", price=20_500.5, bid=20_500.0, ask=20_501.0),
        book(),
        PairListed(
            **header("pair-1"),
            symbol="POL/USDT",
            status="trading",
            price_step=D("0.0001"),
            quantity_step=D("0.1"),
            min_quantity=D("0.1"),
            max_quantity=D("9000000"),
            min_notional=D("5"),
            formerly="MATIC/USDT",
        ),
        FeedLost(**header("lost-1"), feed="bars:1h", symbol="BTC/USDT", last_seen_ns=T0 - HOUR, reason="no frame"),
        FeedRestored(**header("back-1"), feed="bars:1h", symbol="BTC/USDT", outage_ns=HOUR),
        SignalRaised(**header("signal-1"), strategy="donchian", symbol="BTC/USDT", strength=1.0, timeframe="1h"),
        PositionSized(
            **header("size-1"),
            symbol="BTC/USDT",
            timeframe="1h",
            bar_open_time_ns=T0,
            price=20_500.0,
            atr=800.0,
            atr_pct=0.039,
            adv_usdt=5.0e9,
            equity_at_risk_usdt=250.0,
            stop_distance=960.0,
            stop_price=19_540.0,
            quantity=D("0.26041"),
            notional_usdt=5_338.4,
            binding="equity_at_risk",
            phase_scale=0.25,
        ),
        proposal(portfolio="main"),
        StopRaised(**header("raise-1"), portfolio="main", symbol="BTC/USDT", stop_price=D("19800")),
        CancelProposed(**header("cancel-1"), portfolio="main", order_id="o-1", reason="no longer wanted"),
        decision(),
        StopApproved(**header("raised-1"), symbol="BTC/USDT", stop_price=D("19800")),
        CancelDecided(**header("cancelled-1"), order_id="o-1", symbol="BTC/USDT", reason="no longer wanted"),
        ImportDecided(
            **header("import-2"),
            symbol="BTC/USDT",
            quantity=D("0.5"),
            stop_price=D("19100"),
            client="mine",
            reason="imported by ana: moved from the old bot",
        ),
        WriteOffDecided(**header("write-off-1"), symbol="LUNA/USDT", reason="written off by ana: delisted"),
        OrderPlaced(**header("placed-1"), order_id="o-1", symbol="BTC/USDT", side="buy", quantity=D("0.31")),
        fill(),
        OrderClosed(
            **header("closed-1"), order_id="o-1", symbol="BTC/USDT", ending="filled", quantity_filled=D("0.31")
        ),
        StopPlaced(**header("stop-1"), order_id="stop-1", symbol="BTC/USDT", stop_price=D("19500"), quantity=D("0.31")),
        PlacedReported(**header("reported-1"), order_id="o-1", symbol="BTC/USDT", client="mine", quantity=D("0.31")),
        FillReported(
            **header("reported-2"),
            order_id="o-1",
            trade_id="3141592",
            symbol="BTC/USDT",
            side="buy",
            quantity=D("0.31"),
            price=D("20512.5"),
            fee_usdt=D("6.358875"),
        ),
        ClosedReported(
            **header("reported-3"), order_id="o-1", symbol="BTC/USDT", ending="filled", quantity_filled=D("0.31")
        ),
        StopReported(**header("reported-4"), symbol="BTC/USDT", stop_price=D("19500"), quantity=D("0.31")),
        ReportAwaited(
            **header("awaited-1"),
            order_id="stop-1",
            symbol="BTC/USDT",
            client="mine",
            what="stop",
            due_ns=T0 + HOUR,
            quantity=D("0.31"),
            stop_price=D("19500"),
        ),
        ReportRefused(
            **header("refused-4"),
            order_id="o-1",
            symbol="BTC/USDT",
            what="FillReported",
            trade_id="3141592",
            code="too_much",
            field="quantity",
            reason="quantity 0.31: 0.31 of order o-1 was approved, 0.31 is booked",
            halts=True,
        ),
        PortfolioMarked(
            **header("portfolio-1"),
            nav=200_000.0,
            cash=D("193635.46"),
            heat=0.0016,
            heat_open=0.0016,
            heat_reserved=0.0,
            heat_limit=0.08,
            utilisation=0.0318,
            drawdown=0.0,
            positions=(
                PositionMarked(
                    symbol="BTC/USDT",
                    sector="Majors",
                    quantity=D("0.31"),
                    mark=20_500.5,
                    stop=D("19500"),
                    open_risk_usdt=316.2,
                    notional_usdt=6_355.2,
                ),
            ),
            sectors={"Majors": 6_355.2},
            phase="dry_run",
            seq=12,
        ),
        Halted(**header("halted-1"), symbol="BTC/USDT", mode="reducing", reason="gap", until_ns=T0 + HOUR, who="ana"),
        Resumed(**header("resumed-1"), symbol="BTC/USDT", reason="over", held_ns=HOUR, who="ana"),
        ResumeAsked(
            **header("asked-1"), confirm="7f3a9c", symbol="", trigger="drawdown", who="ana", until_ns=T0 + HOUR
        ),
        LimitsChanged(
            **header("limits-2"),
            who="ana",
            reason="less heat over the weekend",
            old={"heat": 0.08},
            new={"heat": 0.06},
            policy_before="a1b2c3d4e5f6",
            policy="0f1e2d3c4b5a",
            over=("heat 6.80 % is over 6 %",),
        ),
        PhaseProposed(**header("proposed-2"), phase="dry_run", to_phase="live", evidence="day 15, drawdown 1.20 %"),
        PhaseChanged(
            **header("phase-2"),
            phase_before="dry_run",
            phase="live",
            scale=1.0,
            who="ana",
            reason="the dry run went well",
            evidence="day 15, drawdown 1.20 %",
        ),
        CommandRefused(**header("refused-1"), command="SetLimits", who="ana", reason="limits.heat 8.0 is above 1"),
        SignalRefused(
            **header("refused-2"),
            strategy="momentun",
            symbol="BTC/USDT",
            code="unknown_strategy",
            field="strategy",
            reason="strategy 'momentun' is not in strategies.toml; did you mean 'momentum'?",
        ),
        ProposalRefused(
            **header("refused-3"),
            order_id="o-1",
            symbol="BTC/USDT",
            what="OrderProposed",
            code="malformed",
            field="quantity",
            reason='quantity: expected a decimal string such as "0.25", got 0.1',
            source="hs:{main}:orders:proposed",
            entry="1795891156497-0",
            unanswered=3,
        ),
        Alerted(
            **header("alert-1"), trigger="drawdown", reason="drawdown is over 10 %", evidence="NAV 179,200 of 200,000"
        ),
        Halt(**header("halt-1"), who="ana", reason="maintenance", symbol="BTC/USDT", mode="reducing"),
        Resume(**header("resume-1"), who="ana", reason="done"),
        PositionWrittenOff(
            **header("written-off-1"),
            symbol="LUNA/USDT",
            who="ana",
            reason="delisted",
            quantity=D("40"),
            price=D("0.0001"),
            cost_usdt=D("3200"),
            proceeds_usdt=D("0.004"),
        ),
        Flatten(**header("flatten-1"), who="ana", reason="out", symbol="BTC/USDT"),
        OrderWrittenOff(
            **header("written-off-2"),
            order_id="o-1",
            symbol="BTC/USDT",
            side="buy",
            quantity=D("0.31"),
            risk_usdt=300.5,
            client="mine",
            who="ana",
            reason="the bot is gone",
        ),
        PositionsImported(
            **header("imported-1"),
            who="ana",
            reason="moved from the old bot",
            positions=(
                BookedPosition(symbol="BTC/USDT", quantity=D("0.5"), cost=D("18250.5"), stop=D("19100"), mark=20_500.0),
            ),
            cash_before=D("200000"),
            cash=D("40000"),
            nav_before=200_000.0,
            nav=50_250.0,
            heat_before=0.0,
            heat=0.0141,
            over=("BTC/USDT: $10,250 held and on order, the cap is $2,512 (5.00% of NAV)",),
            client="mine",
        ),
        ImportPositions(
            **header("import-1"),
            who="ana",
            reason="moved from the old bot",
            positions=(
                PositionToImport(symbol="BTC/USDT", quantity=D("0.5"), cost=D("18250.5"), stop=D("19100")),
                PositionToImport(symbol="ETH/USDT", quantity=D("2")),
            ),
            cash=D("40000"),
            cash_before=D("200000"),
            client="mine",
        ),
        WriteOffOrder(**header("write-off-3"), who="ana", reason="the bot is gone", order_id="o-1"),
        WriteOff(**header("write-off-2"), who="ana", reason="delisted", symbol="LUNA/USDT", price=D("0.0001")),
        SetPhase(**header("phase-1"), who="ana", reason="day 15", phase="live"),
        ApprovePhase(**header("approve-1"), who="ana", reason="the dry run went well", phase="live", reviews=2),
        SetLimits(**header("limits-1"), who="ana", reason="less heat over the weekend", limits={"heat": 0.06}),
        RoomAsked(**header("asked-2"), reply_to="hs:reply:7f3a", symbol="ETH/USDT", stop_price=D("1420.5")),
        ImportAsked(
            **header("asked-4"),
            reply_to="hs:reply:7f3a",
            positions=(PositionToImport(symbol="BTC/USDT", quantity=D("0.5")),),
            cash=D("40000"),
            client="mine",
        ),
        ImportAnswered(
            **header("import-answered-1"),
            reply_to="hs:reply:7f3a",
            rows=(
                ImportRow(
                    symbol="BTC/USDT",
                    quantity=D("0.5"),
                    cost=D("20500"),
                    mark=20_500.0,
                    stop=D("19100"),
                    notional_usdt=10_250.0,
                    open_risk_usdt=712.3,
                    fault="quantity 0.5 must be above 0",
                ),
            ),
            faults=("cash -1 must not be below 0",),
            cash_before=D("200000"),
            cash=D("40000"),
            nav_before=200_000.0,
            nav=50_250.0,
            heat_before=0.0,
            heat=0.0141,
            heat_limit=0.08,
            over=("portfolio: heat is 9.10%, the limit 8.00%",),
        ),
        ShadowAsked(**header("asked-3"), reply_to="hs:reply:7f3a"),
        RoomAnswered(
            **header("room-1"),
            reply_to="hs:reply:7f3a",
            nav=200_000.0,
            heat=0.0316,
            rooms=(
                Room(
                    symbol="ETH/USDT",
                    quantity=D("2.7"),
                    notional_usdt=4_185.0,
                    stop_price=D("1420.5"),
                    binding="sector_cap",
                    reason="sector_cap has 4,210.00 of 50,000.00 USDT left",
                    ceilings=(
                        CeilingReport(
                            rule="sector_cap",
                            quantity=2.716,
                            limit=50_000.0,
                            used=45_790.0,
                            headroom=4_210.0,
                            unit="USDT",
                        ),
                    ),
                    price=1_550.0,
                ),
            ),
            policy="a1b2c3d4e5f6",
            phase="dry_run",
        ),
        counted(),
        EntrySetAside(
            **header("aside-1"),
            service="sizing",
            source="hs:bars:1h",
            portfolio="main",
            entry="1-0",
            message="BarClosed",
            symbol="BTC/USDT",
            reason="OverflowError: cannot convert float infinity to integer",
        ),
        MessageRefused(
            **header("dead-1"),
            source="hs:{main}:orders:proposed",
            entry="1-0",
            field="$.quantity",
            reason="Expected `decimal`, got `nil`",
            body=b"\x81\xa4type",
            size_bytes=6,
            consumer="risk",
        ),
    ]  # type: ignore[arg-type]
