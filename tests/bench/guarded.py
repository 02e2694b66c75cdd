"""A portfolio beside the plain one on the same server: with a Redis user for each of its connections, and signed.

It is set up by what ``heatsink keys new`` and ``heatsink users`` do. The server stays open to whoever gives no name, so
that the plain portfolio and the echo run on it as they do where there are no users.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from msgspec import structs

from services.cli.up.server_users import give_users, passwords_of
from services.users import user_of_service
from services.wiring import BY_NAME, EXECUTION, key_holders
from shared.adapters.codec import encode_for_wire
from shared.adapters.redis.bus import RedisBus
from shared.adapters.signing import signatures_of, write_new_keys
from shared.application.stack import StackLocator
from shared.config.credentials import client_user, signed_in
from shared.config.model import RedisSettings, Settings, SigningSettings
from shared.messages.catalogue import DECIDED
from shared.ports.writer_lease import Snapshot
from shared.runtime.host.progress import Progress
from shared.runtime.host.seal import Sealer
from shared.runtime.host.signed_entries import SignedEntries

NAME = "guarded"
TIMES = 20_000


class Guarded(NamedTuple):
    """settings: of the portfolio. url: of the server, without a name. passwords: of its users."""

    settings: Settings
    url: str
    passwords: Mapping[str, str]

    @classmethod
    async def on(cls, url: str, settings: Settings, folder: Path, clients: Sequence[str] = ()) -> "Guarded":
        """Give the server these users; passwords and keys are kept in the folder."""
        keys = folder / "keys"
        write_new_keys(keys, key_holders())
        portfolio = structs.replace(settings.portfolio, name=NAME)
        settings = structs.replace(settings, portfolio=portfolio, signing=SigningSettings(keys=str(keys)))
        stack = StackLocator(
            settings=settings, config_dir=folder, redis=RedisSettings(url=url), keys=settings.keys, origin="argument",
            data_dir=folder,
        )  # fmt: skip
        passwords = passwords_of(stack, folder / "users", [], clients)
        await give_users(stack, passwords)
        return cls(settings, url, passwords.passwords)

    def service(self, name: str) -> AbstractAsyncContextManager[RedisBus]:
        """The bus of one of its services: its user, and its key."""
        address = self._address(user_of_service(BY_NAME[name], NAME))
        return RedisBus.open(address, self.settings.keys, signatures=signatures_of(self.settings.signing.keys, name))

    def client(self, name: str) -> AbstractAsyncContextManager[RedisBus]:
        return RedisBus.connect(self._address(client_user(name, NAME)), self.settings.keys)

    def _address(self, user: str) -> str:
        return signed_in(self.url, user, self.passwords[user])

    async def microseconds_of_signing(self, gate: RedisBus) -> tuple[float, float]:
        """To sign the gate's last verdict once more, and to check it, without anything around it."""
        stream, place = self.settings.keys.of(DECIDED), "17-1"
        [verdict] = await gate.latest(stream)
        body, reader = encode_for_wire(verdict), signatures_of(self.settings.signing.keys, EXECUTION)
        signature = gate.signatures.sign(stream, body, place)
        started = perf_counter()
        for _ in range(TIMES):
            gate.signatures.sign(stream, body, place)
        signed = perf_counter()
        for _ in range(TIMES):
            reader.read(stream, body, signature)
        checked = perf_counter()
        return (signed - started) / TIMES * 1e6, (checked - signed) / TIMES * 1e6


def checks_of(bus: RedisBus) -> SignedEntries:
    """What a service that reads by this bus holds every entry against; where nothing is signed, it believes it."""
    sealer = Sealer(bus.signatures, "bench", reserves=False, identity="", library="")
    return SignedEntries(bus.signatures, Progress(Snapshot(seq=0, records={}, cursors={}, digest=0), sealer))
