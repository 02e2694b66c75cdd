"""What is known of an order: which halt stood against it, and how it is found."""

import pytest
from msgspec import structs

from shared.adapters.memory_bus import MemoryBus
from shared.application.orders import UnknownOrderError, _by_beginning, halt_at
from shared.messages.dead_letter import message_refused
from shared.messages.halts import Halted, Resumed, Trigger
from tests.keys import MAIN
from tests.samples import T0, header, proposal


def halted(**changes: object) -> Halted:
    fields: dict[str, object] = {"symbol": "ETH/USDT", "mode": "reducing", "trigger": "gap"}
    return Halted(**header("halted-1"), **(fields | changes))  # type: ignore[arg-type]


def test_the_halt_over_a_pair_is_the_one_in_force_at_that_time() -> None:
    def at(minute: int, message: Halted | Resumed) -> Halted | Resumed:
        return structs.replace(message, time_ns=T0 + minute * 60_000_000_000)

    def over(minute: int) -> tuple[str, Trigger] | None:
        found = halt_at("ETH/USDT", T0 + minute * 60_000_000_000, list(reversed(history)))
        return (found.symbol, found.trigger) if found else None

    history = [
        at(1, halted()),
        at(2, halted(trigger="feed")),
        at(3, Resumed(**header("r-1"), symbol="ETH/USDT", trigger="gap")),  # type: ignore[arg-type]
        at(4, halted(symbol="BTC/USDT")),
        at(5, halted(symbol="", trigger="drawdown")),
        at(6, Resumed(**header("r-2"), symbol="", trigger="drawdown")),  # type: ignore[arg-type]
        at(7, Resumed(**header("r-3"), symbol="ETH/USDT", trigger="feed")),  # type: ignore[arg-type]
    ]
    assert [over(minute) for minute in (0, 1, 3, 5, 6, 7)] == [
        None,
        ("ETH/USDT", "gap"),
        ("ETH/USDT", "feed"),
        ("", "drawdown"),
        ("ETH/USDT", "feed"),
        None,
    ]


async def test_an_order_that_was_set_aside_is_not_said_to_wait_for_its_decision() -> None:
    bus = MemoryBus(MAIN)
    await bus.publish([proposal("o-1"), proposal("o-12")])
    letter = message_refused(proposal("o-12"), time_ns=T0, field="$", reason="risk fails at it: KeyError: 'x'")
    await bus.publish([structs.replace(letter, body=b"o-12", source="s", consumer="risk")])
    with pytest.raises(UnknownOrderError, match=r"o-12 could not be handled \(\$: risk fails at it: KeyError: 'x'\)"):
        await _by_beginning(bus, "o-12")
    with pytest.raises(UnknownOrderError, match=r"o-1 was proposed at .* and is not decided yet"):
        await _by_beginning(bus, "o-1")
