"""The life of an order over a venue that answers later: order management knows no venue in particular."""

from decimal import Decimal

from msgspec import structs

from shared.domain.execution.orders.manager import OrderManager
from shared.domain.execution.orders.store import OrderStore, VenuePosition, stop_order_id
from shared.domain.execution.orders.venue import Placed, Trade, VenueOrder
from shared.messages.base import TimePassed
from shared.messages.orders import CancelDecided, OrderClosed, OrderDecided, OrderFilled, StopPlaced
from tests.domain.market_scripts import BTC, HOUR, T0, D, decided, kinds, listed, stop_approved


class PatientVenue:
    """Takes every order and says nothing more: trades come when the test brings them."""

    def __init__(self) -> None:
        self.orders: list[VenueOrder] = []
        self.closed_because = ""

    def fault(self, symbol: str, now_ns: int) -> str:
        return self.closed_because

    def place(self, order: VenueOrder, now_ns: int) -> Placed:
        self.orders.append(order)
        return Placed(f"venue-{len(self.orders)}", None)


class Rig:
    def __init__(self) -> None:
        self.store, self.venue = OrderStore(), PatientVenue()
        self.orders = OrderManager(self.store, self.venue)
        self.store.list_pair(listed(BTC))

    def place(self, order: OrderDecided, hour: float = 0) -> list[object]:
        return list(self.orders.place(order, T0 + int(hour * HOUR)))

    def trade(self, order_id: str, quantity: str, price: str = "100") -> list[object]:
        order = next(each for each in self.store.working(BTC) if each.order_id == order_id)
        trade = Trade(f"t-{order_id}", D(quantity), D(price), D("0.1"))
        return list(self.orders.take_trade(order, trade, time(1), since_ns=T0 + HOUR))

    def position(self) -> VenuePosition:
        position = self.store.position(BTC)
        assert position is not None
        return position

    def held(self) -> tuple[Decimal, Decimal | None]:
        position = self.store.position(BTC)
        return (position.quantity, position.stop) if position is not None else (D(0), None)


def time(hour: float) -> TimePassed:
    return TimePassed(id=f"time-{hour}", time_ns=T0 + int(hour * HOUR))


def entry(order_id: str = "o-1", quantity: str = "10", stop: str = "90", **changes: object) -> OrderDecided:
    fields = {"order_type": "limit", "limit_price": D(100), "stop_price": D(stop)}
    return decided(order_id, quantity=quantity, **(fields | changes))


def exit_(order_id: str = "s-1", quantity: str = "10", price: str = "120") -> OrderDecided:
    return decided(order_id, side="sell", quantity=quantity, order_type="limit", limit_price=D(price))


def test_an_order_works_until_its_trade_is_heard_of_and_then_its_stop_rests() -> None:
    rig = Rig()
    [placed] = rig.place(entry())
    assert kinds([placed]) == ["OrderPlaced"]
    assert placed.venue_order_id == "venue-1"  # type: ignore[attr-defined]
    assert rig.held() == (D(0), None)
    fill, stop, end = rig.trade("o-1", "10")
    assert isinstance(fill, OrderFilled)
    assert (fill.trade_id, fill.price, fill.stop_price, fill.stop) == ("t-o-1", D(100), D(90), False)
    assert isinstance(stop, StopPlaced)
    assert (stop.stop_price, stop.quantity) == (D(90), D(10))
    assert isinstance(end, OrderClosed)
    assert (end.ending, end.quantity_filled) == ("filled", D(10))
    assert rig.held() == (D(10), D(90))
    assert rig.store.working(BTC) == ()


def test_a_position_has_one_stop_at_the_highest_price_that_was_asked_for() -> None:
    rig = Rig()
    for order in (entry("o-1", stop="90"), entry("o-2", stop="95"), entry("o-3", stop="80")):
        rig.place(order)
        rig.trade(order.order_id, "10")
    assert rig.held() == (D(30), D(95))
    [raised] = rig.orders.raise_stop(stop_approved("97"), T0)
    assert isinstance(raised, StopPlaced)
    assert (raised.stop_price, raised.quantity) == (D(97), D(30))
    assert rig.orders.raise_stop(stop_approved("96"), T0) == ()


def test_a_stop_that_was_raised_for_a_position_sold_since_does_not_move_the_next_ones() -> None:
    rig = Rig()
    rig.place(entry("o-1"))
    rig.trade("o-1", "10")
    meant = stop_order_id(BTC, rig.position())
    [raised] = rig.orders.raise_stop(structs.replace(stop_approved("95"), stop_order_id=meant), T0)
    assert isinstance(raised, StopPlaced)
    assert raised.order_id == meant
    rig.place(exit_("s-1"))
    rig.trade("s-1", "10")
    rig.place(entry("o-2", stop="91"))
    rig.trade("o-2", "10")
    assert rig.orders.raise_stop(structs.replace(stop_approved("97"), stop_order_id=meant), T0) == ()
    assert rig.held() == (D(10), D(91))
    assert rig.orders.raise_stop(stop_approved("97"), T0)  # of a gate that had not heard which position it is
    assert rig.held() == (D(10), D(97))


def test_when_the_stop_has_sold_the_sells_that_still_work_are_ended() -> None:
    rig = Rig()
    rig.place(entry())
    rig.trade("o-1", "10")
    rig.place(exit_())
    position = rig.store.position(BTC)
    assert position is not None
    sold = rig.orders.take_stop_trade(BTC, position, Trade("t-stop", D(10), D(89), D(1)), time(2))
    assert kinds(sold) == ["OrderFilled", "OrderClosed", "OrderClosed"]
    assert isinstance(sold[0], OrderFilled)
    assert (sold[0].stop, sold[0].side, sold[0].trade_id) == (True, "sell", "t-stop")
    assert isinstance(sold[2], OrderClosed)
    assert (sold[2].order_id, sold[2].ending, sold[2].reason) == ("s-1", "cancelled", "the position is closed")
    assert rig.held() == (D(0), None)


def test_an_order_that_waits_can_be_cancelled_and_expires() -> None:
    rig = Rig()
    rig.place(entry("o-1"))
    rig.place(entry("o-2", expires_ns=T0 + HOUR))
    wanted = CancelDecided(id="c", time_ns=T0, order_id="o-1", symbol=BTC, reason="changed my mind")
    [cancelled] = rig.orders.cancel(wanted)
    assert isinstance(cancelled, OrderClosed)
    assert (cancelled.order_id, cancelled.ending, cancelled.reason) == ("o-1", "cancelled", "changed my mind")
    assert rig.orders.cancel(wanted) == ()
    assert rig.orders.expire(time(1), T0 + HOUR) == []
    [expired] = rig.orders.expire(time(2), T0 + 2 * HOUR)
    assert isinstance(expired, OrderClosed)
    assert (expired.order_id, expired.ending) == ("o-2", "expired")


def test_what_the_venue_does_not_take_is_rejected_in_its_words_and_never_asked_twice() -> None:
    rig = Rig()
    rig.venue.closed_because = "the connection is gone"
    [end] = rig.place(entry())
    assert isinstance(end, OrderClosed)
    assert (end.ending, end.reason) == ("rejected", "the connection is gone")
    rig.venue.closed_because = ""
    assert rig.place(entry()) == []
    assert rig.venue.orders == []


def test_a_sell_asks_the_venue_for_no_more_than_is_held() -> None:
    rig = Rig()
    rig.place(entry())
    rig.trade("o-1", "10")
    rig.place(exit_("s-1", "25"))
    assert rig.venue.orders[-1].quantity == D(10)
    [end] = Rig().place(exit_("s-2"))
    assert isinstance(end, OrderClosed)
    assert (end.ending, end.reason) == ("rejected", "nothing is held")


def test_what_works_and_what_is_held_is_known_after_a_restart() -> None:
    rig = Rig()
    rig.place(entry("o-1"))
    rig.trade("o-1", "10")
    rig.place(entry("o-2", expires_ns=T0 + HOUR))
    store = OrderStore()
    store.records.load({name: row for name, row in rig.store.records.drain().items() if row is not None})
    store.restored()
    rig.store, rig.orders = store, OrderManager(store, rig.venue)
    assert rig.held() == (D(10), D(90))
    assert [order.order_id for order in store.working(BTC)] == ["o-2"]
    assert rig.place(entry("o-1")) == []
    assert kinds(rig.orders.expire(time(2), T0 + 2 * HOUR)) == ["OrderClosed"]
