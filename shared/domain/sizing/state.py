"""What the parts of the sizing machine share: time, pairs, listings, account, halts. It is rebuilt from the records."""

from shared.domain.listing_claims import doubt_about_listing
from shared.domain.machine import Records
from shared.domain.plan import Plan
from shared.domain.sizing.account import ACCOUNT_RECORDS, AccountTracker
from shared.domain.sizing.halts import HALT_RECORDS, KnownHalts
from shared.domain.sizing.pairs import LISTED, PAIR_RECORDS, Pairs, PairState
from shared.domain.sizing.size import Size, size_of
from shared.domain.timeframes import SECOND_NS, timeframe_ns
from shared.domain.universe import NamedPair, PairNames, Universe
from shared.messages.base import TimePassed
from shared.messages.market import BarClosed, PairListed

KINDS = PAIR_RECORDS | ACCOUNT_RECORDS | HALT_RECORDS


class SizingState:
    """One portfolio, as sizing knows it.

    now_ns: market time.
    pairs: every pair of the universe.
    account: NAV, phase and limits.
    halts: those that are in force.
    listed: what the exchange says of each pair, by symbol.
    lengths_ns: of every timeframe that a strategy trades on.
    step_ns: the shortest of them.
    ns_per_second: market time in a second of wall time.
    """

    def __init__(self, plan: Plan, universe: Universe, portfolio: str, bar_age_limit_ns: int, speed: float) -> None:
        self.plan, self.portfolio = plan, portfolio
        self.ns_per_second = speed * SECOND_NS
        self.records = Records(KINDS)
        self._universe, names = universe, PairNames(universe)
        self.pairs = Pairs(self.records, names, plan.sizing)
        self.account = AccountTracker(self.records, plan)
        self.halts = KnownHalts(self.records, names)
        self.listed: dict[str, PairListed] = {}
        self.now_ns = 0
        self.lengths_ns = {strategy.timeframe: timeframe_ns(strategy.timeframe) for strategy in plan.strategies}
        self.step_ns = min(self.lengths_ns.values(), default=0)
        self._age_limits_ns = {name: max(length, bar_age_limit_ns) for name, length in self.lengths_ns.items()}

    def restore(self) -> None:
        """Begin from the records."""
        self.pairs.restore()
        self.account.restore()
        self.halts.restore()
        self.listed = dict(self.records.rows(LISTED, PairListed))

    def follow_clock(self, passed: TimePassed) -> None:
        """The time is what the clock says. One that was set back is followed too, or no bar of now would be current."""
        self.now_ns = passed.time_ns

    def is_in_the_future(self, time_ns: int) -> bool:
        """Whether a time is beyond the clock. What came then must not keep out what comes now."""
        return 0 < self.now_ns < time_ns

    def list_pair(self, listed: PairListed) -> None:
        """Keep what the exchange says of a pair of the universe."""
        if self.pairs.find(listed.symbol) is not None and doubt_about_listing(listed, self._universe) is None:
            self.listed[listed.symbol] = listed
            self.records.put(LISTED, listed.symbol, listed)

    def is_current(self, bar: BarClosed) -> bool:
        """Whether a bar (of a strategy's timeframe) is recent."""
        return self.now_ns - bar.close_time_ns <= self._age_limits_ns[bar.timeframe]

    def size(self, pair: PairState, named: NamedPair, bar: BarClosed) -> Size:
        """The full size of a pair as of a bar: with the days that had closed by then, and the account as it is."""
        return size_of(
            price=bar.close,
            time_ns=bar.close_time_ns,
            account=self.account.current,
            daily=pair.history.as_of(bar.close_time_ns),
            listed=self.listed.get(bar.symbol),
            limits=self.account.limits,
            sizing=self.plan.sizing,
            price_ratio=named.price_ratio,
        )
