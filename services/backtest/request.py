"""What somebody asked for on the command line, made into options. Faults are told with the option's name."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from services.backtest.options import RESUME_AFTER_HOURS, BacktestOptions
from services.backtest.result import BookOrigin, FillMoment, MarketKind
from shared.application.errors import UserError
from shared.application.pairs import UnknownPairError, symbol_of
from shared.application.stack import STORE_DIR
from shared.application.typed_times import typed_time_ns
from shared.config.load import default_config_dir, load_settings, process_environment
from shared.config.model import Settings
from shared.domain.risk.state.evidence import exchange_fault
from shared.domain.timeframes import DAY_MS, LISTED_TIMEFRAMES, MS_NS, timeframe_ns
from shared.domain.universe import exchange_symbol

MODELLED = "modelled"
EXCHANGE = "binance"  # whose klines are played


@dataclass(frozen=True, kw_only=True)
class Request:
    """A backtest in the words of the command line; empty text stands for what was left out."""

    store: Path | None = None
    config_dir: Path | None = None
    start: str = ""
    end: str = ""
    pairs: str = ""
    changes: tuple[str, ...] = ()
    bars: str = ""
    market: MarketKind = "smooth"
    fill: FillMoment = "close"
    books: str = MODELLED
    resume_after_hours: float | None = RESUME_AFTER_HOURS
    by_evidence: bool = False
    cost_factor: float = 1.0

    @property
    def command(self) -> str:
        """The command that repeats it."""
        words = ["heatsink", "backtest"]
        words += ["--from", self.start] if self.start else []
        words += ["--to", self.end] if self.end else []
        words += ["--pairs", self.pairs] if self.pairs else []
        words += ["--config", str(self.config_dir)] if self.config_dir else []
        for change in self.changes:
            words += ["--set", change]
        words += ["--store", str(self.store)] if self.store else []
        words += ["--bars", self.bars] if self.bars else []
        words += ["--market", self.market] if self.market != "smooth" else []
        words += ["--fill", "next-open"] if self.fill != "close" else []
        words += ["--books", self.books] if self.books != MODELLED else []
        if self.resume_after_hours is None:
            words.append("--never-resume")
        elif self.resume_after_hours != RESUME_AFTER_HOURS:
            words += ["--resume-after", _number(self.resume_after_hours)]
        words += ["--by-evidence"] if self.by_evidence else []
        words += ["--costs", _number(self.cost_factor)] if self.cost_factor != 1.0 else []
        return shlex.join(words)


def options_of(request: Request) -> BacktestOptions:
    """The options of a run. Raises ``ConfigError`` and ``UserError``."""
    environ = process_environment()
    settings = load_settings(request.config_dir or default_config_dir(environ), environ, changes_of(request.changes))
    store = request.store or STORE_DIR / EXCHANGE
    if not store.exists():
        raise UserError(f"--store {store}: there is nothing. Import klines first: heatsink data import --help")
    if request.bars and request.bars not in LISTED_TIMEFRAMES:
        raise UserError(f"--bars {request.bars}: no timeframe; choose one of {', '.join(LISTED_TIMEFRAMES)}")
    origin, books_path = _books(request.books)
    start_ms, end_ms = _day_ms("--from", request.start), _day_ms("--to", request.end)
    options = BacktestOptions(
        settings=settings,
        store=store,
        start_ms=start_ms,
        end_ms=end_ms,
        pairs=_pairs(settings, request.pairs),
        bars=request.bars,
        market=request.market,
        fill=request.fill,
        books=origin,
        books_path=books_path,
        resume_after_hours=request.resume_after_hours,
        by_evidence=request.by_evidence,
        cost_factor=request.cost_factor,
    )
    _require_phase(options)
    options = _dated(options)
    _require_books(options)
    # A store grows: the command that repeats this run says the days that were left out.
    start, end = request.start or _day(options.start_ms), request.end or _day(options.end_ms)
    return replace(options, command=replace(request, start=start, end=end).command)


def _number(value: float) -> str:
    """As short as it can be read again."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d")


def _require_books(options: BacktestOptions) -> None:
    """Recorded books of another time would leave the gate without any, and it would let nothing in."""
    if options.books_path is None:
        return
    from shared.adapters.books.recorded import RecordedBooks

    spans = RecordedBooks(options.books_path).spans().values()
    first_ms = min((first for first, _ in spans), default=0) // MS_NS
    last_ms = max((last for _, last in spans), default=0) // MS_NS
    if last_ms < options.start_ms or first_ms >= options.end_ms:
        there = f"books from {_day(first_ms)} to {_day(last_ms)}" if spans else "no books yet"
        asked = f"none from {_day(options.start_ms)} to {_day(options.end_ms)}"
        raise UserError(
            f"--books {options.books_path}: there are {there}, and {asked}; leave --books out for {MODELLED} ones"
        )


def _require_phase(options: BacktestOptions) -> None:
    """By evidence, a phase that is meant for real orders lets nothing in on paper, unless it rehearses."""
    plan = options.settings.plan
    phase = plan.phase_named(plan.phase)
    if options.by_evidence and phase and exchange_fault(phase, paper=True, rehearsal=plan.ramp.rehearsal):
        raise UserError(
            f"--by-evidence: phase {phase.name} is meant for real orders, and a backtest has paper ones;"
            " add --set ramp.rehearsal=true"
        )


def _books(text: str) -> tuple[BookOrigin, Path | None]:
    """Where books come from: a model, nowhere, or a folder of recorded ones. Raises ``UserError``."""
    if text == MODELLED:
        return "modelled", None
    if text == "none":
        return "none", None
    from shared.adapters.books.recorded import is_recording

    path = Path(text)
    if not is_recording(path):
        raise UserError(f"--books {text}: no recorded books are there; write {MODELLED}, none, or their folder")
    return "recorded", path


def changes_of(texts: tuple[str, ...]) -> Mapping[str, str]:
    """``KEY=VALUE`` each. Raises ``UserError``."""
    changes: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UserError(f"--set {text}: write KEY=VALUE, such as limits.heat=0.06")
        changes[key.strip()] = value.strip()
    return changes


def _day_ms(option: str, text: str) -> int:
    """Midnight UTC of a day; 0 for none. Raises ``UserError``."""
    if not text:
        return 0
    found_ms = typed_time_ns(option, text) // MS_NS
    if found_ms % DAY_MS:
        raise UserError(f"{option} {text}: a backtest begins and ends at 00:00 UTC; write the day alone")
    return found_ms


def _pairs(settings: Settings, text: str) -> tuple[str, ...]:
    """Pairs of the universe, by any of their names, however they are written. Raises ``UserError``."""
    try:
        found = [symbol_of(settings, part) for part in map(str.strip, text.split(",")) if part]
    except UnknownPairError as error:
        raise UserError(f"--pairs: {error}") from None
    return tuple(dict.fromkeys(settings.universe.names_of(symbol)[0] for symbol in found))


def _dated(options: BacktestOptions) -> BacktestOptions:
    """With the days that were left out: as much as the store has, after the history that a size takes."""
    if options.start_ms and options.end_ms:
        if options.end_ms <= options.start_ms:
            raise UserError("--from and --to: the end has to come after the start")
        return options
    history_days = options.settings.plan.sizing.min_history_days
    first_ms, last_ms = _span(options)
    start_ms = options.start_ms or _whole_day(first_ms + history_days * DAY_MS)
    end_ms = options.end_ms or _whole_day(last_ms)
    if end_ms <= start_ms:
        has = f"the store has bars from {_day(first_ms)} to {_day(last_ms)}"
        if options.start_ms:
            raise UserError(f"--from {_day(start_ms)}: {has}")
        raise UserError(f"--to {_day(end_ms)}: {has}, and a size needs {history_days} days before it")
    return replace(options, start_ms=start_ms, end_ms=end_ms)


def _span(options: BacktestOptions) -> tuple[int, int]:
    """Opening time of the first bar that the store has of the pairs, and closing time of the last."""
    from services.backtest.market.needed import require_bars
    from services.backtest.market.reader import reader_of

    reader = reader_of(options.store, options.start_ms or options.end_ms)
    require_bars(options, reader)
    names = {exchange_symbol(name) for each in options.universe.symbols for name in options.universe.names_of(each)}
    spans = [
        (first, last + timeframe_ns(timeframe) // MS_NS)
        for timeframe in reader.timeframes
        if timeframe_ns(options.market_bars) % timeframe_ns(timeframe) == 0
        for symbol, (first, last) in reader.spans(timeframe).items()
        if symbol in names
    ]
    if not spans:
        raise UserError(f"--store {options.store}: no bars of these pairs for {options.market_bars}")
    return min(first for first, _ in spans), max(last for _, last in spans)


def _whole_day(time_ms: int) -> int:
    return -(-time_ms // DAY_MS) * DAY_MS
