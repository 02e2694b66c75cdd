"""Which pair of the universe people mean by what they type."""

from shared.application.errors import UserError
from shared.config.faults import did_you_mean
from shared.config.model import Settings


class UnknownPairError(UserError):
    """A pair that is not in the universe."""


def symbol_of(settings: Settings, text: str) -> str:
    """The pair that people mean by ``eth``, ``ETHUSDT`` or ``ETH/USDT``; none by "". Raises ``UnknownPairError``."""
    if not text:
        return ""
    universe = settings.universe
    wanted = _written_whole(text)
    for symbol in (name for pair in universe.symbols for name in universe.names_of(pair)):
        base, _, quote = symbol.partition("/")
        if wanted in (symbol, base, base + quote):
            return symbol
    near = did_you_mean(wanted.partition("/")[0], [symbol.partition("/")[0] for symbol in universe.symbols])
    raise UnknownPairError(f"{text} is not in the universe. {near}")


def booked_symbol_of(settings: Settings, text: str) -> str:
    """The same, also for a pair that is in the books and not in the universe any more, by its whole name."""
    try:
        return symbol_of(settings, text)
    except UnknownPairError as error:
        if "/" not in (symbol := _written_whole(text)):
            outside = f"A pair that is held and not in it any more is written whole: {symbol}/USDT."
            raise UnknownPairError(f"{error} {outside}") from None
        return symbol


def _written_whole(text: str) -> str:
    """``ETH/USDT`` for ``eth-usdt``."""
    return text.upper().replace("-", "/")


def names_of(settings: Settings, text: str) -> tuple[str, ...]:
    """Every name that the pair has or had, newest first; none for an empty text. Raises ``UnknownPairError``."""
    return settings.universe.names_of(symbol_of(settings, text)) if text else ()
