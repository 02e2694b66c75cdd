"""``heatsink url``, ``users`` and ``token``, on a server that knows users, on one that does not, and in between."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.cli.up.server_users import ACL_FILE, USERS_DIR, prepare_users
from services.users import users_of
from shared.adapters.private_files import write_private
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, running_valkey
from shared.application.stack import RunNote, write_note
from shared.config.credentials import OWNER, address_of, signed_in
from shared.config.model import RedisSettings
from shared.config.tokens import Tokens
from shared.messages.catalogue import CONTROL
from shared.messages.control import Halt
from shared.ports.errors import AccessRefusedError
from tests.keys import MAIN
from tests.samples import proposal, samples
from tests.shipped import SHIPPED

pytestmark = pytest.mark.processes


def note_of(server: EmbeddedValkey, users: str = "") -> RunNote:
    return RunNote(
        pid=os.getpid(), redis_url=server.url, portfolio="main", exchange="sim", exchange_url="", ops_url="",
        config_dir=str(SHIPPED), started_wall_ns=0, users=users,
    )  # fmt: skip


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """The server of a stack as ``heatsink up`` starts it, with its note in the data folder ``tmp_path``."""
    acl = prepare_users(tmp_path, "main")
    place = tmp_path / "redis-sim"
    place.mkdir()
    with running_valkey(place, acl_file=acl) as server:
        write_note(tmp_path, note_of(server, str(tmp_path / USERS_DIR)))
        yield server


def typed(folder: Path, *words: str) -> Result:
    """A verb, in a thread: it has an event loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(CliRunner().invoke, app, [*words, "--data", str(folder)]).result()


def run(folder: Path, *words: str) -> str:
    """What a verb prints that ends well."""
    result = typed(folder, *words)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def in_a_line(result: Result) -> str:
    return " ".join(result.output.split())


async def test_the_address_of_a_client_proposes_and_must_not_command(stack: EmbeddedValkey, tmp_path: Path) -> None:
    async with RedisBus.connect(run(tmp_path, "url"), MAIN) as client:
        assert await client.client.xadd(MAIN.of_client("client"), {"m": b"x"})
        with pytest.raises(AccessRefusedError):
            await client.publish([proposal()])  # on the stream of all: a client has a queue of its own
        with pytest.raises(AccessRefusedError):
            await client.publish([next(each for each in samples() if isinstance(each, Halt))])
    async with RedisBus.connect(run(tmp_path, "url", "--as", "operator"), MAIN) as operator:
        assert await operator.client.xadd(MAIN.of(CONTROL), {"m": b"x"})
        with pytest.raises(AccessRefusedError):
            await operator.publish([proposal()])


def test_no_other_verb_and_no_file_but_the_private_ones_shows_a_password(stack: EmbeddedValkey, tmp_path: Path) -> None:
    passwords = {path.name: path.read_text().strip() for path in (tmp_path / USERS_DIR).iterdir()}
    assert len(set(passwords.values())) == len(passwords) == len(users_of("main"))
    shown = [run(tmp_path, "users"), (tmp_path / "run.json").read_text(), (tmp_path / ACL_FILE).read_text()]
    for words in ("status", "status --json", "doctor", "tail --no-follow", "sizes"):
        result = typed(tmp_path, *words.split())
        shown += [result.output, str(result.exception)]
    assert "main.risk" in shown[0]
    assert not [(name, text) for name, secret in passwords.items() for text in shown if secret in text]


def test_what_a_stack_keeps_is_its_owners_alone(stack: EmbeddedValkey, tmp_path: Path) -> None:
    for path in (tmp_path / USERS_DIR, *(tmp_path / USERS_DIR).iterdir(), tmp_path / "run.json", tmp_path / ACL_FILE):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_a_client_of_its_own_and_a_second_portfolio_are_added_while_the_stack_runs(
    stack: EmbeddedValkey, tmp_path: Path
) -> None:
    told = run(tmp_path, "users", "--client", "ana", "--portfolio", "second")
    assert "main.client.ana" in told
    assert "second.risk" in told
    ana = run(tmp_path, "url", "--client", "ana")
    async with RedisBus.connect(ana, MAIN) as bus:
        assert await bus.client.xadd(f"{MAIN.home}:clients:ana", {"m": b"x"})
    second = address_of(RedisSettings(url=stack.url, users=str(tmp_path / USERS_DIR)), "second.risk")
    async with RedisBus.open(second, MAIN) as bus:
        assert await bus.named_identity()
    lines = prepare_users(tmp_path, "main").read_text().splitlines()  # as the next start has it
    assert {"main.client.ana", "second.risk", "main.risk"} <= {line.split()[1] for line in lines}


@pytest.mark.parametrize("words", [("--client", "An a"), ("--portfolio", "se.cond"), ("--client", "x" * 33)])
def test_a_name_that_no_user_can_have_is_refused(stack: EmbeddedValkey, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = typed(tmp_path, "users", *words)
    assert result.exit_code == 1
    assert words[0] in result.stderr


async def test_a_server_of_ones_own_is_given_users_and_closed(tmp_path: Path) -> None:
    """Its users are kept by the server where it has a file for them; its data stays what it was."""
    place, folder = tmp_path / "server", tmp_path / "users"
    place.mkdir()
    acl = write_private(place / "users.acl", "user default on nopass ~* &* +@all\n")
    with running_valkey(place, acl_file=acl) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            identity = await bus.named_identity()
        write_note(tmp_path, note_of(server))
        assert run(tmp_path, "url") == server.url
        assert "asks nobody for a name" in in_a_line(typed(tmp_path, "doctor"))
        assert "aclfile" not in run(tmp_path, "users", "--into", str(folder), "--close")
        write_note(tmp_path, note_of(server, str(folder)))
        told = in_a_line(typed(tmp_path, "doctor"))
        assert "signed in as owner; who gives no name is not let in" in told
    with running_valkey(place, acl_file=acl) as server:
        with pytest.raises(AccessRefusedError):
            async with RedisBus.connect(server.url, MAIN):
                pass
        async with RedisBus.open(
            signed_in(server.url, "main.risk", (folder / "main.risk").read_text().strip()), MAIN
        ) as bus:
            assert await bus.named_identity() == identity


def test_where_the_password_is_not_here_the_verb_says_which(stack: EmbeddedValkey, tmp_path: Path) -> None:
    (tmp_path / USERS_DIR / "main.client").unlink()
    result = typed(tmp_path, "url")
    assert result.exit_code == 78
    assert "no password of main.client there" in result.stderr
    (tmp_path / USERS_DIR / OWNER).write_text("guessed\n")
    result = typed(tmp_path, "users")
    assert result.exit_code == 1
    assert "The server refuses: it does not let this process in" in result.stderr
    assert "guessed" not in result.output


def test_a_client_who_commands_is_told_how_an_operator_signs_in(stack: EmbeddedValkey, tmp_path: Path) -> None:
    result = typed(tmp_path, "halt", "--redis-url", run(tmp_path, "url"))
    assert result.exit_code == 1
    assert "may not do that" in result.stderr
    assert "heatsink url --as operator" in result.stderr


def test_a_token_is_made_once_for_its_owner_alone_and_revoked(tmp_path: Path) -> None:
    token = run(tmp_path, "token", "tradingview")
    path = tmp_path / "tokens" / "tradingview"
    assert run(tmp_path, "token", "tradingview") == token == path.read_text().strip()
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert Tokens(str(path.parent)).client_of(token) == "tradingview"
    assert run(tmp_path, "token", "tradingview", "--revoke") == ""
    assert Tokens(str(path.parent)).client_of(token) == ""
    assert "has no token" in in_a_line(typed(tmp_path, "token", "tradingview", "--revoke"))
    assert "no name of a client" in in_a_line(typed(tmp_path, "token", "../ana"))
    assert run(tmp_path, "token", "tradingview") != token
