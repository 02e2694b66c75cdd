"""What losses are measured from: kept as one record, so that a restart measures from the same place."""

from msgspec import Struct, field

BASELINES = "watermark"  # its name in stored records


class LossBaselines(Struct, frozen=True, kw_only=True):
    """The NAVs that the gate's drawdown rule and the breakers compare with, USDT.

    peak_nav_since_resume: the highest NAV since the last resume after a drawdown; that of all time is in ``Account``.
    warned: whether the fall from that peak was warned of.
    day: the UTC day, counted from 1970, that ``day_nav`` is of.
    day_nav: NAV when that day began, or when it was first seen.
    day_before, day_nav_before: the same of the day that was seen before it, for a clock that had run ahead.
    heat_limit: the limit under which heat was last, a fraction of NAV.
    """

    peak_nav_since_resume: float = field(default=0.0, name="peak_nav")  # its name in stored records
    warned: bool = False
    day: int = -1
    day_nav: float = 0.0
    day_before: int = -1
    day_nav_before: float = 0.0
    heat_limit: float = 0.0


BASELINE_RECORDS: dict[str, type[Struct]] = {BASELINES: LossBaselines}
