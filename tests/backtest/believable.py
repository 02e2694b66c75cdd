"""Believable backtests, made up of a seed: trades first, and of them fills, NAV, heat and exposure that agree."""

from decimal import Decimal
from random import Random

import msgspec

from services.backtest import result
from services.backtest.statistics import variant_of
from shared.domain.timeframes import DAY_NS, HOUR_NS

START_NS = 1_609_459_200_000_000_000  # 2021-01-01
CENT = Decimal("0.01")
SECTORS = {
    "Majors": ("BTC", "ETH", "BNB"),
    "Layer 1": ("SOL", "XRP", "ADA", "LTC", "DOT", "AVAX", "TRX", "ATOM", "NEAR", "ALGO", "BCH", "ETC", "ICP", "EGLD"),
    "DeFi & interoperability": ("LINK", "UNI", "CRV", "GRT", "QNT"),
    "Layer 2": ("OP", "ARB", "MATIC"),
    "Meme": ("DOGE", "SHIB"),
    "Gaming & metaverse": ("SAND", "AXS", "MANA"),
    "Specialized": ("XLM", "VET", "FIL", "THETA", "GMX"),
}
PAIRS = {f"{base}/USDT": sector for sector, bases in SECTORS.items() for base in bases}
REASONS = {
    "gap": "opened 1.34 daily ATRs under the last close",
    "day_loss": "lost 5.02 % of NAV since midnight",
    "market_shock": "BTC/USDT moved 6.1 % within 15 minutes",
    "drawdown": "15.00 % under the highest NAV",
}
HEAT_OF_ONE = 0.0038


def setup(**changed: object) -> result.RunSetup:
    """Of a run over a smooth market, filled at closes."""
    values: dict[str, object] = {
        "command": "heatsink backtest --from 2021-01-01 --to 2021-12-31 --config deploy/config",
        "heatsink": "0.1.0",
        "market": "smooth",
        "fill": "close",
        "bars": "1h",
        "strategies": ("donchian 1h x 0.5", "momentum 4h x 0.5"),
        "resume_after_hours": 24.0,
        "phases": "by_date",
        "books": "none",
        "cost_factor": 1.0,
        "rules_off": ("spread at size: no order books were recorded", "feed: a store has no feed that could be lost"),
        "assumptions": (
            "An order at the market fills whole at the close of the bar that led to it.",
            "Stops move at closes only; where entry and stop fall into one bar, the worse order of prices is taken.",
        ),
        "digests": result.Digests(data="a3" * 32, config="5f" * 32, code="c0" * 32),
    }
    return result.RunSetup(**{**values, **changed})  # type: ignore[arg-type]


def backtest(*, days: int = 120, trades: int = 300, seed: int = 7) -> result.Backtest:
    """A run with its variants."""
    run = made_run(days=days, trades=trades, seed=seed)
    others = {
        "jumping market": {"market": "jumping"},
        "0.5 x costs": {"cost_factor": 0.5},
        "2 x costs": {"cost_factor": 2.0},
        "filled at the next open": {"fill": "next_open"},
    }
    variants = []
    for number, (name, changed) in enumerate(others.items(), 1):
        other = made_run(days=min(days, 120), trades=min(trades, 300), seed=seed + number)
        variants.append(variant_of(name, msgspec.structs.replace(other, setup=setup(**changed))))
    return result.Backtest(run=run, variants=tuple(variants), digest="d1" * 32)


def made_run(*, days: int, trades: int, seed: int) -> result.Run:
    """A run over so many days with so many trades."""
    dice = Random(seed)
    hours = days * 24
    made = sorted((_trade(dice, hours) for _ in range(trades)), key=lambda pair: pair[0].opened_ns)
    all_trades = tuple(trade for trade, _ in made)
    fills = sorted((fill for _, both in made for fill in both), key=lambda fill: fill.time_ns)
    curve = _curve(dice, all_trades, hours)
    return result.Run(
        setup=setup(),
        start_ns=START_NS,
        end_ns=START_NS + hours * HOUR_NS,
        starting_nav=200_000.0,
        instants=hours,
        bars=hours * len(PAIRS) * 9 // 10,
        curve=curve,
        exposure=_exposure(all_trades, days),
        fills=tuple(fills),
        trades=all_trades,
        verdicts=_verdicts(trades),
        halts=tuple(_halts(dice, hours)),
        phases=_phases(),
        coverage=tuple(_coverage(dice, hours)),
        signals={"donchian": trades * 3, "momentum": trades * 2},
        raises=trades * 4,
        alerts=days // 7,
        market_returns=[dice.gauss(0.0008, 0.034) for _ in range(days)],
    )


def _trade(dice: Random, hours: int) -> tuple[result.Trade, list[result.Fill]]:
    symbol = dice.choice(list(PAIRS))
    begin = dice.randrange(hours)
    end = min(hours, begin + 1 + int(dice.expovariate(1 / 60)))
    still_open = end == hours
    entry = Decimal(str(round(10 ** dice.uniform(-2, 4), 4)))
    invested = Decimal(str(round(dice.uniform(1_500, 9_900), 2)))
    quantity = (invested / entry).quantize(Decimal("0.0001"))
    stopped = not still_open and dice.random() < 0.6
    change = Decimal(str(round(dice.gauss(-0.025, 0.02) if stopped else dice.gauss(0.035, 0.06), 6)))
    leave = (entry * (1 + change)).quantize(Decimal("0.000001"))
    strategy = dice.choice(("donchian", "momentum"))
    buy = _fill(dice, symbol, strategy, "buy", quantity, entry, START_NS + begin * HOUR_NS)
    sell = _fill(dice, symbol, strategy, "sell", quantity, leave, START_NS + end * HOUR_NS, stopped=stopped)
    fills = [buy] if still_open else [buy, sell]
    gross = (quantity * (leave - entry)).quantize(CENT)
    fees, spread, slippage = (
        sum((getattr(fill, name) for fill in fills), Decimal(0)) for name in ("fee", "spread", "slippage")
    )
    trade = result.Trade(
        symbol=symbol,
        sector=PAIRS[symbol],
        strategy=strategy,
        opened_ns=buy.time_ns,
        closed_ns=sell.time_ns,
        quantity=quantity,
        entry=buy.price,
        exit=sell.price,
        invested=invested,
        gross=gross,
        fees=fees,
        spread=spread,
        slippage=slippage,
        net=gross - fees - spread - slippage,
        entry_reason=f"{strategy} {dice.choice(('1.00', '0.50'))}",
        exit_reason="end" if still_open else "stop" if stopped else dice.choice(("signal", "signal", "flatten")),
        fills=len(fills),
        open=still_open,
        hangs_on_order=stopped and end - begin <= 1,
    )
    return trade, fills


def _fill(
    dice: Random,
    symbol: str,
    strategy: str,
    side: str,
    quantity: Decimal,
    reference: Decimal,
    time_ns: int,
    *,
    stopped: bool = False,
) -> result.Fill:
    notional = quantity * reference
    fee = (notional / 1000).quantize(CENT)
    spread = (notional * Decimal("0.0005")).quantize(CENT)
    slippage = (notional * Decimal(str(round(dice.uniform(0.0001, 0.0012), 6)))).quantize(CENT)
    away = (spread + slippage) / quantity if quantity else Decimal(0)
    gapped = Decimal(str(round(dice.choice((0.0, 0.0, 0.004)), 4)))
    return result.Fill(
        time_ns=time_ns,
        order_id=f"{symbol[:3].lower()}-{time_ns // HOUR_NS:x}-{side}",
        symbol=symbol,
        side=side,  # type: ignore[arg-type]
        quantity=quantity,
        price=(reference + away if side == "buy" else reference - away).quantize(Decimal("0.000001")),
        reference=reference,
        fee=fee,
        spread=spread,
        slippage=slippage,
        strategy=strategy,
        stop=(reference * (1 + gapped)).quantize(Decimal("0.000001")) if stopped else None,
    )


def _curve(dice: Random, trades: tuple[result.Trade, ...], hours: int) -> result.Curve:
    """NAV is what trades have made so far: on the way, with the noise of a bridge that ends at their net."""
    gained, held, invested = [0.0] * hours, [0] * hours, [0.0] * hours
    for trade in trades:
        first, last = ((at - START_NS) // HOUR_NS for at in (trade.opened_ns, trade.closed_ns))
        net, noise, worth = float(trade.net), 0.0, float(trade.invested)
        length = max(1, last - first)
        for hour in range(first, last - 1):
            noise += (dice.random() - 0.5) * worth * 0.02
            part = (hour - first + 1) / length
            gained[hour] += net * part + noise * (1.0 - part)
            held[hour] += 1
            invested[hour] += worth
        for hour in range(max(first, last - 1), hours):
            gained[hour] += net
    navs = [200_000.0 + each for each in gained]
    peak, fallen = 200_000.0, []
    for nav in navs:
        peak = max(peak, nav)
        fallen.append(1.0 - nav / peak)
    return result.Curve(
        time_ns=[START_NS + (hour + 1) * HOUR_NS for hour in range(hours)],
        nav=navs,
        cash=[nav - worth for nav, worth in zip(navs, invested, strict=True)],
        heat=[min(0.0796, number * HEAT_OF_ONE * dice.uniform(0.7, 1.0)) for number in held],
        heat_limit=[0.08 if hour > hours // 20 else 0.06 for hour in range(hours)],
        utilisation=[min(0.98, worth / nav) for nav, worth in zip(navs, invested, strict=True)],
        drawdown=fallen,
        positions=held,
    )


def _exposure(trades: tuple[result.Trade, ...], days: int) -> result.Exposure:
    pairs: dict[str, list[float]] = {symbol: [0.0] * days for symbol in PAIRS}
    for trade in trades:
        first, last = ((at - START_NS - 1) // DAY_NS + 1 for at in (trade.opened_ns, trade.closed_ns))
        for day in range(first, min(last, days)):
            pairs[trade.symbol][day] = min(10_400.0, pairs[trade.symbol][day] + float(trade.invested))
    sectors = {
        sector: [sum(pairs[f"{base}/USDT"][day] for base in bases) for day in range(days)]
        for sector, bases in SECTORS.items()
    }
    return result.Exposure(day_ns=[START_NS + day * DAY_NS for day in range(days)], pairs=pairs, sectors=sectors)


def _verdicts(trades: int) -> result.Verdicts:
    rules = (("portfolio_heat", 210, 340), ("sector_cap", 60, 900), ("pair_cap", 400, 12), ("halts", 0, 160))
    tallies = tuple(
        result.RuleTally(rule=rule, trimmed=trimmed, rejected=rejected, kept_out=1_900.0 * (trimmed + 2 * rejected))
        for rule, trimmed, rejected in rules
    )
    kept_out = sum(tally.kept_out for tally in tallies)
    approved = 5_200.0 * trades
    return result.Verdicts(
        approve=trades, trim=670, reject=1412, sells=trades, asked=approved + kept_out, approved=approved, rules=tallies
    )


def _halts(dice: Random, hours: int) -> list[result.HaltSpan]:
    found = []
    for _ in range(hours // 90):
        trigger = dice.choices(list(REASONS), weights=(12, 2, 3, 1))[0]
        begin = dice.randrange(hours)
        length = dice.choice((1, 1, 24)) if trigger == "gap" else 24
        refused = dice.randrange(6)
        halt = result.HaltSpan(
            trigger=trigger,
            symbol=dice.choice(list(PAIRS)) if trigger == "gap" else "",
            mode="reducing" if trigger in ("gap", "day_loss") else "halted",
            begin_ns=START_NS + begin * HOUR_NS,
            end_ns=START_NS + (begin + length) * HOUR_NS if begin + length < hours else 0,
            reason=REASONS[trigger],
            evidence="",
            ended_by="the cool-down was over" if trigger == "gap" else "the operator resumed",
            refused=refused,
            kept_out=refused * 4_000.0,
            saved=round(dice.gauss(40.0, 260.0), 2) if refused else 0.0,
        )
        found.append(halt)
    return sorted(found, key=lambda halt: halt.begin_ns)


def _phases() -> tuple[result.PhaseSpan, ...]:
    steps = (("dry_run", 0.25, 0), ("live", 1.0, 14), ("scaled", 2.0, 60))
    return tuple(
        result.PhaseSpan(phase=phase, scale=scale, since_ns=START_NS + day * DAY_NS, reason=f"day {day} of the ramp")
        for phase, scale, day in steps
    )


def _coverage(dice: Random, hours: int) -> list[result.PairCoverage]:
    found = []
    for symbol, sector in PAIRS.items():
        first = 0 if dice.random() < 0.8 else dice.randrange(hours // 2)
        last = hours - 1 if dice.random() < 0.9 else dice.randrange(hours // 2, hours)
        missing = dice.choice((0, 0, 3))
        span = result.PairCoverage(
            symbol=symbol,
            sector=sector,
            first_ns=START_NS + first * HOUR_NS,
            last_ns=START_NS + last * HOUR_NS,
            bars=last - first + 1 - missing,
            missing=missing,
            tradable_ns=START_NS + first * HOUR_NS + (60 * DAY_NS if first else 0),
            listed=first == 0,
            ended=last < hours - 1,
            names=("MATICUSDT", "POLUSDT") if symbol.startswith("MATIC") else (symbol.replace("/", ""),),
        )
        found.append(span)
    return found
