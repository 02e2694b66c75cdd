"""What has to hold after every commit of every machine, whatever happened; looked at where the store takes it.

It goes by what stands in the store and by books of its own, and asks no machine.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from shared.adapters.codec import decode, decode_or_none
from shared.adapters.memory_lease import number_of
from shared.adapters.memory_server import MachineState, MemoryServer
from shared.adapters.signing import UNSIGNED
from shared.domain.execution.orders.store import VenuePosition
from shared.domain.machine import Records
from shared.domain.portfolio.ledger import LEDGER_RECORDS, Account, Ledger, Position
from shared.domain.risk.state.reservations import OpenOrder
from shared.messages.catalogue import DECIDED, EXECUTED
from shared.messages.halts import Halted
from shared.messages.keys import Keys
from shared.messages.orders import OrderDecided, OrderFilled, StopPlaced
from shared.messages.portfolio import PortfolioMarked
from shared.ports.writer_lease import Commit, Snapshot
from shared.runtime.host.progress import Progress
from shared.runtime.host.seal import Sealer
from tests.simulation.seeded.chance import Chance

SLACK = 1 + 1e-9
CENT = 1e-6


class ViolationError(AssertionError):
    """Something did not hold."""


class Watch:
    """Looks at every commit.

    decided: how often each order was decided. last: the last commit of each machine that the store took.
    acknowledged: the last one of which its writer heard. violation: the first thing that did not hold.
    lost: machines whose last commits the store has lost, by a fault; none of them may commit again.
    """

    def __init__(self, server: MemoryServer, keys: Keys, cash_usdt: float, chance: Chance) -> None:
        self._server, self._keys, self._chance = server, keys, chance
        self._cash = Decimal(str(cash_usdt))
        self._ledger = Ledger(Records(LEDGER_RECORDS), self._cash)
        self._booked, self._trades = 0, set[str]()
        self._genuine: dict[int, bytes] = {}  # entries of execution's stream that execution wrote
        self._answered, self._answers_read = set[str](), 0
        self._gone: set[str] = set()  # ids of what somebody took out of a stream
        self._halted_by: set[str] = set()
        self._epochs: dict[str, int] = defaultdict(int)
        self.decided: Counter[str] = Counter()
        self.last: dict[str, int] = defaultdict(int)
        self.acknowledged: dict[str, int] = defaultdict(int)
        self.violation: ViolationError | None = None
        self.lost: dict[str, str] = {}

    def state_of(self, service: str) -> MachineState:
        """What the store has of a machine."""
        [state] = [state for (_, name), state in self._server.machines.items() if name == service]
        return state

    def committed(self, service: str, epoch: int, commit: Commit) -> None:
        try:
            self._look_at(service, epoch, commit)
        except ViolationError as error:  # not into the host, which might take it for a fault of its own
            self.violation = self.violation or error

    def raise_violation(self) -> None:
        """Raise the first thing that did not hold, if there is one."""
        if self.violation is not None:
            raise self.violation

    def refused(self, service: str, why: Exception) -> None:
        self._chance.count(f"commit_met_{type(why).__name__}")

    def heard(self, service: str, seq: int) -> None:
        self.acknowledged[service] = max(seq, self.acknowledged[service])

    def went_back(self, known: dict[str, int]) -> None:
        """The store has lost commits, by a fault. known: the last one of which a living process of a service knows."""
        for (_, service), state in self._server.machines.items():
            if state.seq < known.get(service, 0):
                self.lost[service] = f"the store went back from {known[service]} to {state.seq}"
            self.last[service] = state.seq
        decided = map(decode_or_none, self._server.decisions.values())
        self.decided = Counter(each.order_id for each in decided if isinstance(each, OrderDecided))
        end = self._server.end(self._keys.of(EXECUTED))
        self._genuine = {number: body for number, body in self._genuine.items() if number <= end}
        self._ledger, self._booked, self._trades = Ledger(Records(LEDGER_RECORDS), self._cash), 0, set()

    def _look_at(self, service: str, epoch: int, commit: Commit) -> None:
        state = self.state_of(service)
        self._chance.count("commits")
        _hold(service not in self.lost, f"{service} goes on although {self.lost.get(service)}")
        _hold(epoch == state.epoch, f"{service}: epoch {epoch} committed while {state.epoch} is in force")
        _hold(epoch >= self._epochs[service], f"{service}: epoch {epoch} after {self._epochs[service]}")
        _hold(
            commit.seq == self.last[service] + 1 == state.seq,
            f"{service}: commit {commit.seq} after {self.last[service]}",
        )
        self._epochs[service], self.last[service] = epoch, commit.seq
        for stream, cursor in commit.cursors.items():
            _hold(state.cursors.get(stream) == cursor, f"{service}: commit {commit.seq} left no cursor of {stream}")
        handled = {stream: number_of(entry_id) for stream, entry_id in commit.handled}
        for stream, number in handled.items():
            _hold(number not in state.pending[stream], f"{service}: {stream} {number} was handled and is pending")
        if service == "execution":
            self._note_genuine(commit)
        if service == "risk":
            self._check_decisions(commit, state)
            self._check_ledger(state)
            self._check_reservations(state)
            self._check_snapshots(commit)

    # --- the gate -------------------------------------------------------------------------------------------------

    def _check_decisions(self, commit: Commit, state: MachineState) -> None:
        for message in commit.outputs:
            if not isinstance(message, OrderDecided):
                continue
            self.decided[message.order_id] += 1
            _hold(self.decided[message.order_id] == 1, f"order {message.order_id} was decided twice")
            _hold(message.seq == len(self.decided), f"decision {message.seq} is the {len(self.decided)}th")
            if message.side == "buy" and message.quantity_approved:
                self._check_heat(message, commit, state)

    def _check_heat(self, decided: OrderDecided, commit: Commit, state: MachineState) -> None:
        """By the gate's own figure, and by the store's sum of what is reserved beside what the writer says is open."""
        self._chance.count(f"bought_by_{decided.verdict}")
        limit_usdt = next(each.limit for each in decided.ceilings if each.rule == "portfolio_heat")
        told = decided.heat_after * decided.nav
        _hold(told <= limit_usdt * SLACK, f"order {decided.order_id}: heat {told} is over {limit_usdt}")
        last = [check for check in commit.reservation_checks if check.risk_usdt > 0][-1]
        if last.order_id == decided.order_id:
            heat = last.open_usdt + sum(state.reserved.values())
            _hold(heat <= limit_usdt * SLACK, f"order {decided.order_id}: open and reserved {heat} > {limit_usdt}")

    def _check_reservations(self, state: MachineState) -> None:
        """What the store has reserved is what the open orders of the machine may still come to risk."""
        orders = [_read(body, OpenOrder) for key, body in state.records.items() if key.startswith("order:")]
        own = sum(float(order.left) * order.unit_risk for order in orders)
        stored = sum(state.reserved.values())
        _hold(abs(own - stored) <= CENT * max(1.0, own), f"{own} is reserved by records, {stored} by the store")

    # --- the money ------------------------------------------------------------------------------------------------

    def _note_genuine(self, commit: Commit) -> None:
        stream = self._keys.of(EXECUTED)
        told = sum(self._keys.of_message(message) == stream for message in commit.outputs)
        end, bodies = self._server.end(stream), self._server.streams[stream]
        self._genuine.update(zip(range(end - told + 1, end + 1), bodies[len(bodies) - told :], strict=True))

    def _check_ledger(self, state: MachineState) -> None:
        """Cash and positions are those that follow from what execution wrote, and from nothing else."""
        stream = self._keys.of(EXECUTED)
        if (cursor := number_of(state.cursors.get(stream, "0"))) == self._booked:
            return
        for number in range(self._booked + 1, cursor + 1):
            if number in self._genuine:
                self._book(self._genuine[number])
        self._booked = cursor
        account = _read(state.records["account:"], Account)
        _hold(account.cash == self._ledger.account.cash, f"cash {account.cash}, by fills {self._ledger.account.cash}")
        booked = {each.symbol: (each.quantity, each.stop, each.cost) for each in self._ledger.positions()}
        held = {each.symbol: (each.quantity, each.stop, each.cost) for each in positions_of(state)}
        _hold(held == booked, f"positions {held}, by fills {booked}")

    def _book(self, body: bytes) -> None:
        match decode(body):
            case OrderFilled(trade_id=trade_id) as fill:
                _hold(trade_id not in self._trades, f"trade {trade_id} was told twice")
                self._trades.add(trade_id)
                self._ledger.apply(fill)
            case StopPlaced(symbol=symbol, stop_price=stop):
                self._ledger.move_stop(symbol, stop)
            case _:
                pass

    def _check_snapshots(self, commit: Commit) -> None:
        for message in commit.outputs:
            if isinstance(message, Halted) and not message.symbol:
                self._halted_by.add(message.trigger)
            if isinstance(message, PortfolioMarked):
                bare = [row.symbol for row in message.positions if row.stop is None]
                _hold(not bare, f"held without a stop: {bare}")
                at_stops = sum(
                    float(row.quantity) * max(0.0, row.mark - float(row.stop or 0)) for row in message.positions
                )
                told = message.heat_open * message.nav
                _hold(at_stops <= told * SLACK + CENT, f"{at_stops} is lost at the stops, and open risk is {told}")

    # --- once it has ended ----------------------------------------------------------------------------------------

    def check_digests(self) -> None:
        """All records of every machine are those that its last commit left."""
        for (_, service), state in self._server.machines.items():
            left = Snapshot(seq=state.seq, records=state.records, cursors=state.cursors, digest=state.digest)
            found = Progress(left, Sealer(UNSIGNED, "", reserves=False, identity="", library=""))
            _hold(found.digest == state.digest, f"{service}: records do not match the digest of commit {state.seq}")

    def check_positions(self) -> None:
        """What the gate takes for held is what the exchange has, with the same stops."""
        rows = self.state_of("execution").records
        there = {
            key.partition(":")[2]: _read(body, VenuePosition)
            for key, body in rows.items()
            if key.startswith("position:")
        }
        at_venue = {symbol: (each.quantity, each.stop) for symbol, each in there.items()}
        held = {each.symbol: (each.quantity, each.stop) for each in positions_of(self.state_of("risk"))}
        _hold(held == at_venue, f"the gate has {held}, the exchange {at_venue}")
        _hold(all(stop is not None for _, stop in at_venue.values()), f"no stop rests: {at_venue}")

    def check_answers(self, sent: dict[str, str]) -> None:
        """Each acknowledged proposal was answered, unless it was taken out: then the gate halted.

        sent: ids, with what they are.
        """
        self.read_answers()
        missing = {sent_id: what for sent_id, what in sent.items() if sent_id not in self._answered | set(self.decided)}
        if missing.keys() & self._gone:
            self._chance.count("proposals_gone")
            _hold("set_aside" in self._halted_by, f"taken out unread, and no halt tells of it: {missing}")
        missing = {sent_id: what for sent_id, what in missing.items() if sent_id not in self._gone}
        _hold(not missing, f"never answered: {missing}")

    def read_answers(self) -> None:
        """Take in what came on the stream of verdicts since the last call; before anything of it is trimmed."""
        stream = self._keys.of(DECIDED)
        new = self._server.end(stream) - self._answers_read
        for message in map(decode_or_none, self._server.streams[stream][-new:] if new else ()):
            if message is not None:
                self._answered |= {message.cause, getattr(message, "order_id", "")}
        self._answers_read += new

    def goes(self, bodies: Sequence[bytes]) -> None:
        """Somebody takes these entries out of a stream."""
        self._gone |= {message.id for message in map(decode_or_none, bodies) if message is not None}


def positions_of(state: MachineState) -> list[Position]:
    """What the risk machine's records say is held."""
    return [_read(body, Position) for key, body in state.records.items() if key.startswith("position:")]


def _read(body: bytes, kind: type) -> "object":
    return msgspec.msgpack.decode(body, type=kind)


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ViolationError(otherwise)
