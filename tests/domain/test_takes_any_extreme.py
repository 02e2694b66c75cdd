"""Whatever can be read, every machine takes it: it raises on nothing, keeps what it can read back, and goes on."""

from collections.abc import Sequence
from copy import deepcopy
from decimal import Decimal
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.wiring import BY_NAME, machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import decode, encode, encode_for_wire
from shared.config.model import Settings
from shared.domain.machine import Machine, Records
from shared.domain.plan import BreakerPlan, Limits
from shared.domain.risk.machine import RiskMachine
from shared.domain.universe import Pair, Universe
from shared.messages.base import LAST_NS, Message, TimePassed
from shared.messages.catalogue import TOPIC_OF
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import MarkChanged
from shared.messages.orders import OrderDecided, OrderFilled, OrderPlaced
from shared.runtime.replay import Replay
from tests.domain.market_scripts import BTC, ETH, HOUR, T0, UNIVERSE, days, listed, ohlc, one_hour_plan
from tests.examples import examples
from tests.extremes import extremes, readable, samples_of, values_of
from tests.keys import MAIN
from tests.samples import proposal
from tests.tables import sampled

SOL = "SOL/USDT"  # followed, and not held yet
MOST = 10**12
HOURS, SPEED = 23, 3600.0
KINDS = sorted(TOPIC_OF, key=lambda kind: kind.__name__)
MACHINES = [row.name for row in BY_NAME.values() if row.machine]


def settings() -> Settings:
    plan = one_hour_plan(
        phase="dry_run",
        limits=Limits(book_age_seconds=0.0),
        breakers=BreakerPlan(reduce_heat=True),
        shadow=Limits(heat=0.02),
    )
    pairs = (*UNIVERSE.pairs, Pair(base="SOL", quote="USDT", sector="Layer 1"))
    return Settings(universe=Universe(pairs=pairs), plan=plan)


@cache
def stack() -> tuple[dict[str, Machine], list[Message]]:
    """Machines in the middle of a life: a market that rose, a pair that was bought, its stop, and an order on its way.

    Returns also all that was said.
    """
    specs = machine_specs(settings(), ManualClock(speed=SPEED))
    replay = Replay(specs, MAIN)
    said = replay.feed([listed(symbol) for symbol in (BTC, ETH, SOL)])
    said += replay.feed(
        [bar for symbol in (BTC, ETH, SOL) for bar in days(70, symbol=symbol, atr_pct=0.05, adv_usdt=1e9)]
    )
    for hour in range(HOURS):
        for symbol in (BTC, ETH, SOL):
            price = 100.0 * 1.002**hour if symbol != SOL else 100.0
            said += replay.feed([ohlc(hour, price, price * 1.001, price * 0.999, price, symbol=symbol)])
            mark = MarkChanged(id=f"m-{symbol}-{hour}", time_ns=T0 + (hour + 1) * HOUR, symbol=symbol, price=price)
            said += replay.feed([mark])
    resting = proposal("resting", symbol=SOL, quantity=Decimal(1), time_ns=T0 + HOURS * HOUR, stop_price=Decimal(98))
    said += replay.feed([structs.replace(resting, order_type="limit", limit_price=Decimal(99))])
    assert any(isinstance(each, OrderFilled) for each in said)
    assert [each.order_id for each in said if isinstance(each, OrderPlaced)][-1] == "resting"
    return {spec.service: spec.machine for spec in specs}, said


@cache
def known() -> dict[str, Sequence[object]]:
    """What means something to these machines."""
    _, said = stack()
    orders = [each.order_id for each in said if isinstance(each, OrderDecided)][-2:]
    now_ns = T0 + HOURS * HOUR
    times = (0, 1, T0, now_ns, now_ns + HOUR, 2**62, LAST_NS)
    return {"order_id": orders, "id": orders, "time_ns": times, "open_time_ns": times, "close_time_ns": times}


class Life:
    """One machine, told things after that life; it is restarted from its records as a host does."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.machine: Machine = deepcopy(stack()[0][service])
        self.now_ns = T0 + HOURS * HOUR
        self.stored: dict[str, bytes] = {}
        self.machine.records.drain()
        self.rows = all_rows(self.machine.records)

    def tell(self, message: Message) -> None:
        if isinstance(message, OrderFilled) and not is_summable(message):
            return
        for each in self.machine.handle(message):
            if TOPIC_OF[type(each)].durable and not isinstance(each, MessageRefused):  # which the host completes
                assert decode(encode_for_wire(each)) == each
        if isinstance(self.machine, RiskMachine):
            for check in self.machine.take_reservation_checks():
                assert check.risk_usdt >= 0
        for key, row in self.machine.records.drain().items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = encode(row)

    def pass_time(self, seconds: float = 2 * SPEED) -> None:
        self.now_ns += int(seconds * 1e9)
        self.tell(TimePassed(id=f"time-{self.now_ns}", time_ns=self.now_ns))

    def go_on(self) -> None:
        """What comes by itself: time, prices, a bar."""
        hour = (self.now_ns - T0) // HOUR + 1
        self.pass_time()
        for symbol in (BTC, ETH):
            self.tell(MarkChanged(id=f"n-{symbol}-{self.now_ns}", time_ns=self.now_ns, symbol=symbol, price=110.0))
            self.tell(ohlc(hour, 110.0, 111.0, 109.0, 110.0, symbol=symbol))
        self.pass_time()

    def restart(self, history: Sequence[Message] = ()) -> None:
        """A new machine from the stored bytes, shown the history again."""
        [spec] = [each for each in machine_specs(settings(), ManualClock(speed=SPEED)) if each.service == self.service]
        kinds = spec.machine.records.kinds
        rows = {key: msgspec.msgpack.decode(body, type=kinds[key.partition(":")[0]]) for key, body in self.rows.items()}
        spec.machine.records.load(rows)
        for message in history:
            spec.machine.warm(message)
        spec.machine.restored()
        spec.verify()
        self.machine = spec.machine


def is_summable(fill: OrderFilled) -> bool:
    """Whether the sums over such fills can be written down. No order leads to others: none so large is approved."""
    amounts = (fill.quantity, fill.quantity * fill.price, fill.fee_usdt)
    return max(map(abs, amounts)) <= MOST


def all_rows(records: Records) -> dict[str, bytes]:
    return {f"{kind}:{name}": encode(row) for kind in records.kinds for name, row in records.rows(kind, msgspec.Struct)}


@pytest.mark.parametrize("service", MACHINES)
@pytest.mark.parametrize("kind", sampled(KINDS, every=3), ids=lambda kind: kind.__name__)
def test_every_machine_takes_every_message_with_every_field_at_its_extremes(service: str, kind: type[Message]) -> None:
    life = Life(service)
    for message in extremes(kind, known()):
        life.tell(message)
        life.pass_time()
        if isinstance(life.machine, RiskMachine) and isinstance(message, OrderDecided):
            life.machine.remember(message)  # as the host does with what stands in the stream
    life.go_on()
    life.restart(extremes(kind, known()))
    life.go_on()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=4),
        st.sampled_from(("", "", "", "", "time", "market", "restart")),
    ),
    min_size=10,
    max_size=60,
)


@pytest.mark.parametrize("service", MACHINES)
@examples(150)
@given(steps=STEPS)
def test_every_machine_takes_any_of_them_in_any_order_with_several_fields_at_an_extreme(
    service: str, steps: list[tuple[type[Message], list[tuple[int, int]], str]]
) -> None:
    life = Life(service)
    for kind, choices, then in steps:
        fields, message = values_of(kind, known()), samples_of(kind)[0]
        for which, number in choices:
            name = list(fields)[which % len(fields)]
            changed = structs.replace(message, **{name: fields[name][number % len(fields[name])]})
            message = readable(changed) or message
        life.tell(message)
        match then:
            case "time":
                life.pass_time()
            case "market":
                life.go_on()
            case "restart":
                life.restart()
            case _:
                pass
    life.go_on()
