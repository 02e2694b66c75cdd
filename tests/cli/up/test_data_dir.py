"""The data folder of a stack: one stack at a time, and what is kept there."""

import stat
from pathlib import Path

import pytest

from services.cli.up.data_dir import DataDirInUseError, locked, own, server_data_dir
from services.cli.up.server_users import USERS_DIR, prepare_users
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.config.credentials import OWNER, address_of
from shared.config.model import RedisSettings
from shared.ports.writer_lease import Commit
from tests.keys import MAIN


def test_two_stacks_cannot_run_on_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(DataDirInUseError, match="--data DIR"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_data_of_a_simulated_market_is_forgotten_and_of_a_real_one_kept(tmp_path: Path) -> None:
    for exchange in ("sim", "binance"):
        with server_data_dir(tmp_path, exchange) as folder:
            (folder / "data").write_text("x")
    assert not (tmp_path / "redis-sim").exists()
    assert (tmp_path / "redis-binance" / "data").exists()


def test_what_a_killed_simulated_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "redis-sim").mkdir()
    (tmp_path / "redis-sim" / "stale").write_text("x")
    with server_data_dir(tmp_path, "sim") as folder:
        assert list(folder.iterdir()) == []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_its_owners_alone_and_one_that_keeps_other_things_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert mode(own(tmp_path / "new")) == 0o700
    (tmp_path / "new").chmod(0o755)
    (tmp_path / "new" / "run.lock").write_text("1")  # of a version that made it readable
    assert mode(own(tmp_path / "new")) == 0o700
    assert mode(own(tmp_path)) == 0o755


def test_what_an_earlier_version_left_readable_is_taken_from_others(tmp_path: Path) -> None:
    files = tmp_path / "redis-binance" / "appendonlydir"
    files.mkdir(parents=True, mode=0o755)
    (files / "appendonly.aof").write_text("x")
    (files / "elsewhere").symlink_to(tmp_path)
    with server_data_dir(tmp_path, "binance") as folder:
        assert {mode(folder), mode(files)} == {0o700}
        assert mode(files / "appendonly.aof") == 0o600


@pytest.mark.processes
async def test_a_data_folder_of_before_goes_on_with_users(tmp_path: Path) -> None:
    place = tmp_path / "redis-binance"
    place.mkdir()
    with running_valkey(place) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            identity = await bus.named_identity()
            lease = bus.writer_lease("risk", (), home=MAIN.home)
            await lease.acquire()
            await lease.commit(
                Commit(seq=1, outputs=[], records={"a": b"1"}, cursors={}, handled=(), digest=5, reservation_checks=())
            )
            await lease.release()
    acl = prepare_users(tmp_path, "main")
    with server_data_dir(tmp_path, "binance") as folder, running_valkey(folder, acl_file=acl) as server:
        redis = RedisSettings(url=server.url, users=str(tmp_path / USERS_DIR))
        async with RedisBus.open(address_of(redis, OWNER), MAIN) as bus:
            assert await bus.named_identity() == identity
        async with RedisBus.open(address_of(redis, "main.risk"), MAIN) as bus:
            lease = bus.writer_lease("risk", (), home=MAIN.home)
            assert await lease.acquire() == 2
            snapshot = await lease.load()
            assert (snapshot.seq, snapshot.records) == (1, {"a": b"1"})
