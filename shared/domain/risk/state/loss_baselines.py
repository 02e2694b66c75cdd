"""What breakers measure losses from: kept as one record, so that a restart measures from the same place."""

from msgspec import Struct

WATERMARK = "watermark"


class Watermark(Struct, frozen=True, kw_only=True):
    """Marks of NAV, in USDT.

    peak_nav: the highest since the last resume after a drawdown. warned: of a drawdown from that peak. day: UTC days
    since 1970, day_nav: NAV when that day began (or was first seen). day_before, day_nav_before: of the day that was
    seen before it, for a clock that had run ahead. heat_limit: the limit under which heat was last.
    """

    peak_nav: float = 0.0
    warned: bool = False
    day: int = -1
    day_nav: float = 0.0
    day_before: int = -1
    day_nav_before: float = 0.0
    heat_limit: float = 0.0


WATERMARK_RECORDS: dict[str, type[Struct]] = {WATERMARK: Watermark}
