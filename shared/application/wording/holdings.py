"""What is the matter with a position: nobody knows its price, or it is too small to be sold."""

from collections.abc import Iterator

from shared.application.wording.formats import base, usd
from shared.messages.portfolio import PortfolioMarked


def flaw_of(portfolio: PortfolioMarked, symbol: str) -> str:
    """A word behind a pair's name; empty for most."""
    if symbol in portfolio.unpriced:
        return " (no price)"
    return " (dust)" if symbol in portfolio.dust else ""


def flaws(portfolio: PortfolioMarked) -> Iterator[str]:
    """A sentence for each position that is not as it should be, with the remedy."""
    for position in portfolio.positions:
        symbol, write_off = position.symbol, f"heatsink write-off {base(position.symbol)}"
        if symbol in portfolio.unpriced:
            at_risk = f"worth 0 in NAV, {usd(position.open_risk_usdt)} at risk"
            yield f"{symbol} has had no price for too long: {at_risk}; to take it out of the books: {write_off}"
        elif symbol in portfolio.dust:
            yield f"{symbol} is dust, less than the exchange trades; to take it out of the books: {write_off}"
