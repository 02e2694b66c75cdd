"""The replay hands each message to the machines that read its stream, and to nobody else."""

from collections.abc import Sequence

from msgspec.structs import replace

from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.config.model import Settings
from shared.domain.machine import Records
from shared.domain.plan import Plan
from shared.messages.base import Message, TimePassed
from shared.messages.catalogue import BARS, PAIRS
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.replay import Replay
from tests.keys import MAIN
from tests.samples import bar, samples
from tests.shipped import shipped_universe


class Listener:
    """Remembers what it was handed."""

    def __init__(self) -> None:
        self.records = Records({})
        self.heard: list[Message] = []

    def handle(self, message: Message) -> Sequence[Message]:
        self.heard.append(message)
        return ()

    def warm(self, message: Message) -> None: ...

    def restored(self) -> None: ...


def listening(*inputs: str) -> tuple[Listener, MachineSpec]:
    listener = Listener()
    return listener, MachineSpec(service="listener", machine=listener, home="h", inputs=inputs)


def test_each_message_reaches_the_machines_whose_inputs_name_its_streams() -> None:
    sources = [
        spec.sources for spec in machine_specs(Settings(universe=shipped_universe(), plan=Plan()), ManualClock())
    ]
    listeners = [listening(*keys) for keys in sources]
    replay = Replay([spec for _, spec in listeners], MAIN)
    for message in (*samples(), bar(timeframe="15m"), replace(bar(), timeframe="3m")):
        for listener, _ in listeners:
            listener.heard.clear()
        replay.feed([message])
        keys = {key for _, key in MAIN.places_of(message)}
        for (listener, _), inputs in zip(listeners, sources, strict=True):
            heard = [each for each in listener.heard if not isinstance(each, TimePassed)]
            assert heard == [message] * len(keys & set(inputs)), (message, inputs)


def test_what_came_together_is_taken_in_the_order_of_the_inputs_and_bars_as_they_closed() -> None:
    listener, spec = listening(MAIN.of(BARS, "15m"), MAIN.of(BARS, "1h"), PAIRS.key)
    listed = next(each for each in samples() if type(each).__name__ == "PairListed")
    quarter, hour = bar(timeframe="15m", hour=1), bar(timeframe="1h")
    Replay([spec], MAIN).feed([listed, quarter, hour])
    assert [each for each in listener.heard if not isinstance(each, TimePassed)] == [hour, quarter, listed]
