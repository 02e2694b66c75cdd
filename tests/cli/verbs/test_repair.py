"""``heatsink repair`` and ``accept-loss`` on a server that knows users: shown, asked, done and audited."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.cli.up.data_dir import server_folder, witness_dir
from services.cli.up.server_users import USERS_DIR, prepare_users
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, running_valkey
from shared.adapters.witness import Seen, read, witness_path, write
from shared.application.stack import write_note
from shared.config.credentials import OWNER, signed_in
from shared.messages.catalogue import AUDIT
from shared.messages.portfolio import StoreRepaired
from tests.cli.verbs.test_access import in_a_line, note_of, run, stack, typed
from tests.keys import MAIN

pytestmark = pytest.mark.processes
__all__ = ["stack"]
GARBAGE = b"\xff\x00garbage"
POISONED = ("hs:services", "hs:{main}:decision:o-1", "hs:{main}:orders:decided")


def as_owner(server: EmbeddedValkey, folder: Path) -> str:
    return signed_in(server.url, OWNER, (folder / USERS_DIR / OWNER).read_text().strip())


@pytest.fixture
async def poisoned(stack: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[RedisBus]:
    async with RedisBus.open(as_owner(stack, tmp_path), MAIN) as bus:
        await bus.named_identity()
        for key in POISONED[:2]:
            await bus.client.hset(key, "risk", GARBAGE)
        await bus.client.set(POISONED[2], GARBAGE)
        yield bus


async def audited(bus: RedisBus) -> list[StoreRepaired]:
    return [each for each in await bus.latest(MAIN.of(AUDIT), 100) if isinstance(each, StoreRepaired)]


async def test_what_is_wrong_is_shown_mended_and_stands_on_the_audit_stream(poisoned: RedisBus, tmp_path: Path) -> None:
    told = run(tmp_path, "repair", "--yes", "--reason", "a script of ours wrote there")
    for key in POISONED:
        assert f"mended {key}" in told
    assert run(tmp_path, "repair") == "Nothing is wrong with the keys and streams of this stack."
    done = await audited(poisoned)
    assert sorted(each.key for each in done) == sorted(POISONED)
    assert {each.reason for each in done} == {"a script of ours wrote there"}


async def test_nothing_is_mended_before_somebody_has_said_so(poisoned: RedisBus, tmp_path: Path) -> None:
    result = typed(tmp_path, "repair")
    assert result.exit_code != 0
    assert "hs:{main}:decision:o-1" in result.stdout
    assert "--yes" in result.output
    assert await poisoned.client.type(POISONED[2]) == b"string"
    assert await audited(poisoned) == []


async def test_an_operator_who_is_not_the_owner_is_told_whose_password_it_takes(
    poisoned: RedisBus, tmp_path: Path
) -> None:
    (tmp_path / USERS_DIR / OWNER).unlink()
    result = typed(tmp_path, "repair", "--yes")
    assert result.exit_code == 78
    assert "no password of owner there" in in_a_line(result)
    assert await audited(poisoned) == []


async def test_a_loss_is_shown_accepted_and_stands_on_the_audit_stream(stack: EmbeddedValkey, tmp_path: Path) -> None:
    async with RedisBus.open(as_owner(stack, tmp_path), MAIN) as bus:
        data = await bus.named_identity()
        await bus.client.hset("hs:{main}:meta:risk", mapping={"seq": 7, "digest": 1, "epoch": 1})
        kept = tmp_path / "kept"
        kept.mkdir()
        path = witness_path(kept, "risk", "main")
        write(path, Seen(data=data, seq=9, digest="3"))
        words = ("accept-loss", "--reason", "the disk broke", "--witness", str(kept))
        shown = typed(tmp_path, *words)
        assert shown.exit_code != 0
        assert "risk: commit 9 was made, the server has 7: 2 commits are gone" in shown.stdout
        assert await audited(bus) == []
        told = run(tmp_path, *words, "--yes")
        assert "the loss is accepted, commit 7 counts" in told
        assert read(path) == Seen(data=data, seq=7, digest="1")
        assert [(each.key, each.reason) for each in await audited(bus)] == [("hs:{main}:meta:risk", "the disk broke")]
    assert "Nothing is lost" in run(tmp_path, *words)


async def test_the_witness_of_a_running_stack_is_found_by_its_note(stack: EmbeddedValkey, tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    write(witness_path(kept, "risk", "main"), Seen(data="", seq=3, digest="1"))
    write_note(tmp_path, replace(note_of(stack, str(tmp_path / USERS_DIR)), witness=str(kept)))
    shown = typed(tmp_path, "accept-loss", "--reason", "seen")
    assert "risk: commit 3 was made, the server has 0" in shown.stdout


def test_a_stack_that_does_not_run_has_its_server_started_for_as_long_as_it_takes(tmp_path: Path) -> None:
    place = server_folder(tmp_path, "binance")
    place.mkdir()
    with running_valkey(place, acl_file=prepare_users(tmp_path, "main")):
        pass
    kept = witness_dir(tmp_path, "binance", own_server=True)
    kept.mkdir()
    write(witness_path(kept, "risk", "main"), Seen(data="", seq=3, digest="1"))
    assert "Nothing is wrong" in run(tmp_path, "repair")
    assert "the server has 0: 3 commits are gone" in run(tmp_path, "accept-loss", "--reason", "seen", "--yes")
    assert read(witness_path(kept, "risk", "main")) is None
