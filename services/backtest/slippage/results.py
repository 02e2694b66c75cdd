"""What ``heatsink slippage`` finds, as it stands in its JSON. Costs are in basis points (bp), a hundredth of a percent.

A difference is what the model says less what was walked or paid: below 0 the model was too cheap. None stands for a
book that was too thin for the size: then the cost is not known, and counts as more than the model says.
"""

from typing import Literal

from msgspec import Struct

Moments = Literal["all", "calm", "stress"]


class Refused(Struct, frozen=True, kw_only=True):
    """Samples that are not believed.

    kind: ``time_back``, ``crossed``, ``one_sided``, ``impossible``, ``repeated``, ``few_values``, ``amid_stuck``,
        ``no_price`` or ``no_figures``.
    place: the side or bucket that shows it; empty for the whole sample.
    samples, of: how many, of how many of this pair.
    first_ns, last_ns: market times of the first and the last of them.
    """

    source: str
    symbol: str
    kind: str
    place: str
    samples: int
    of: int
    first_ns: int
    last_ns: int
    note: str = ""


class Row(Struct, frozen=True, kw_only=True):
    """The model against one group of samples, at one size.

    group: a pair, or ``all <class>``.
    liquidity: ``liquid``, ``mid`` or ``thin``.
    walked_p50_bp, model_p50_bp: medians of both.
    p1_bp, p5_bp, p50_bp, p95_bp, p99_bp: quantiles of the difference, model less walked.
    too_cheap: the share of samples in which the model said less than the book.
    too_cheap_beyond: the same of the law alone against what was walked beyond the best price. The paper exchange pays
        the spread of the book where there is one, so this is what its fills hang on.
    half_spread_p50_bp: the median of half the spread in the books.
    too_thin: the share of samples whose book could not fill the size; they count as too cheap.
    """

    group: str
    liquidity: str
    moments: Moments
    size_usdt: float
    samples: int
    walked_p50_bp: float | None
    model_p50_bp: float | None
    p1_bp: float | None
    p5_bp: float | None
    p50_bp: float | None
    p95_bp: float | None
    p99_bp: float | None
    too_cheap: float
    too_cheap_beyond: float
    half_spread_p50_bp: float | None
    too_thin: float


class Fit(Struct, frozen=True, kw_only=True):
    """Y of one class by quantile regression on the earlier half of its samples, judged on the later half.

    split_ns: where the halves meet.
    wanted: the share of costs that the model should cover.
    factor: the Y in force. fitted: the Y that was found; None where too many books were too thin for one.
    too_cheap_before, too_cheap_after: in the later half, with the Y in force and with the one found.
    loss_before, loss_after: mean pinball loss in the later half, in bp; None where a book was too thin.
    over_before_bp, over_after_bp: the median of model less walked in the later half.
    stress_fitted, stress_judged: how many samples of stress each half has.
    """

    liquidity: str
    pairs: int
    split_ns: int
    samples_fitted: int
    samples_judged: int
    wanted: float
    factor: float
    fitted: float | None
    too_cheap_before: float
    too_cheap_after: float | None
    loss_before: float | None
    loss_after: float | None
    over_before_bp: float | None
    over_after_bp: float | None
    stress_fitted: int
    stress_judged: int


class FillRow(Struct, frozen=True, kw_only=True):
    """The model against what was paid: the price of fills against the mark that the order was decided at.

    kind: ``market``, or ``stop``, whose fills are held against the stop price.
    paid_p50_bp: the median of what was paid beyond the mark, drift of the market in between included.
    p1_bp, p5_bp, p50_bp, p95_bp, p99_bp, too_cheap: as in ``Row``.
    """

    kind: str
    liquidity: str
    fills: int
    notional_usdt: float
    paid_p50_bp: float | None
    p1_bp: float | None
    p5_bp: float | None
    p50_bp: float | None
    p95_bp: float | None
    p99_bp: float | None
    too_cheap: float


class Source(Struct, frozen=True, kw_only=True):
    """Where samples came from.

    digest: of what was read: the recording's, or the SHA-256 of the file.
    about: whose market it is.
    """

    name: str
    about: str
    digest: str
    samples: int
    kept: int
    pairs: int
    first_ns: int
    last_ns: int


class SlippageReport(Struct, frozen=True, kw_only=True):
    """All of it.

    half_spread: a fraction. factor: Y in force.
    liquid_from_usdt, mid_from_usdt: ADV from which a pair is of a class.
    stress: times the usual move of an hour from which a moment is one of stress.
    notes: what the samples at hand do not show, in sentences.
    """

    half_spread: float
    factor: float
    sizes_usdt: tuple[float, ...]
    liquid_from_usdt: float
    mid_from_usdt: float
    stress: float
    sources: tuple[Source, ...]
    refused: tuple[Refused, ...]
    pairs: tuple[Row, ...]
    classes: tuple[Row, ...]
    fits: tuple[Fit, ...]
    fills: tuple[FillRow, ...]
    fills_unmatched: dict[str, int]
    notes: tuple[str, ...]
    version: int = 1
