"""The mark and the book that the rules saw, as far as they looked."""

from collections.abc import Sequence

from shared.domain.risk.again.evidence import Evidence
from shared.domain.risk.again.inverse import factor_of
from shared.domain.risk.state.order_book import OrderBook
from shared.domain.timeframes import HOUR_NS, SECOND_NS
from shared.messages.market import BookSampled

NUMBER = r"([0-9.]+)"


def mark_time_of(evidence: Evidence) -> Sequence[int]:
    """Market times that the mark may be of. A sale is asked for no fresh one, so that of its mark stands nowhere."""
    now_ns, report, second_ns = evidence.decided.time_ns, evidence.report("fresh_mark"), evidence.speed * SECOND_NS
    if not report.rule:
        return (now_ns, 0)
    if ahead := evidence.found("fresh_mark", rf"of a time to come: {NUMBER} s ahead"):
        return (now_ns + round(float(ahead) * second_ns),)
    return (now_ns - round(report.used * second_ns),)


def book_of(evidence: Evidence) -> OrderBook | None:
    """A book with as much on offer, for as much; None where none was there."""
    limits, now_ns, mark = evidence.limits, evidence.decided.time_ns, evidence.decided.mark or 1.0
    collar, spreads = evidence.report("price_collar"), evidence.report("spread_at_size")
    if not limits.book_age_seconds or not spreads.rule:
        return None
    reasons = f"{spreads.reason}\n{collar.reason}"
    if "is missing" in reasons:
        return None
    asks: tuple[tuple[float, float], ...] = ((mark, collar.quantity or 1.0),)
    bids: tuple[tuple[float, float], ...] = ((mark, 1.0),)
    time_ns = now_ns
    stale_ns = round(limits.book_age_seconds * evidence.speed * SECOND_NS) + SECOND_NS
    if "is of a time to come" in reasons:
        time_ns = now_ns + stale_ns
    elif "is stale" in reasons:
        time_ns = now_ns - stale_ns
    elif best := evidence.found("price_collar", rf" asks {NUMBER}, which is over "):
        highest = float(evidence.found("price_collar", rf"which is over {NUMBER}"))
        middle = highest / (1.0 + limits.price_collar)
        asks, bids = ((float(best), 1.0),), ((max(2.0 * middle - float(best), middle * 1e-9), 1.0),)
        hours = evidence.found("price_collar", rf"it was sampled {NUMBER} h of market time ago")
        time_ns = now_ns - round(float(hours or 0) * HOUR_NS)
    elif "is empty" in reasons:
        asks, bids = (), ()
    elif "is no book" in reasons:
        asks = ((-1.0, 1.0),)
    spread, median = _spreads(evidence)
    size = evidence.found("spread_at_size", r"is too thin for ([0-9,.]+) USDT").replace(",", "")
    return OrderBook(
        BookSampled(
            id="seen",
            time_ns=time_ns,
            symbol=evidence.decided.symbol,
            bids=bids,
            asks=asks,
            size_usdt=float(size or 0),
            spread=spread,
            median_spread=median,
        )
    )


def _spreads(evidence: Evidence) -> tuple[float | None, float | None]:
    report, limits = evidence.report("spread_at_size"), evidence.limits
    if report.code == "thin_book":
        return None, None
    if report.code == "median_spread":
        return 0.0, report.used
    if not report.unit:
        return 0.0, 0.0
    median = 0.0 if report.limit == limits.spread_median else factor_of(report.limit, limits.spread_multiple)
    return report.used, median
