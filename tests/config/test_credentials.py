"""How a process signs in to the server, and that no password is shown by the way."""

import os
from pathlib import Path

import pytest

from shared.config.account_key import account_key_of
from shared.config.credentials import address_of, signed_in, signed_out
from shared.config.faults import ConfigError
from shared.config.load import load_settings
from shared.config.model import RedisSettings
from tests.shipped import SHIPPED

SECRET = "s3cr:t@/%?#"


def address(environ: dict[str, str], *users: str) -> str:
    return address_of(load_settings(SHIPPED, environ).redis, *users)


def fault(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(SHIPPED, environ)
    [found] = caught.value.faults
    return str(found)


def test_without_any_password_the_address_is_taken_as_it_is() -> None:
    assert address({}) == "redis://127.0.0.1:6379/0"
    assert address({"HEATSINK_REDIS__URL": "redis://ana:x@host/1"}, "main.risk") == "redis://ana:x@host/1"


def test_one_password_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    for given in ({"HEATSINK_REDIS__PASSWORD": SECRET}, {"HEATSINK_REDIS__PASSWORD_FILE": str(file)}):
        found = address(given | {"HEATSINK_REDIS__URL": "redis://ana@host:7000/2"})
        assert found == "redis://ana:s3cr%3At%40%2F%25%3F%23@host:7000/2"
        assert signed_out(found) == ("redis://ana@host:7000/2", SECRET)
        assert address(given).startswith("redis://:s3cr")


@pytest.mark.parametrize("url", ["redis://host/1", "unix:///run/redis.sock?db=1", "rediss://[::1]:6380/0"])
def test_a_name_and_password_go_into_an_address_and_out_of_it_again(url: str) -> None:
    name, password = signed_out(signed_in(url, "main.client", SECRET))
    assert password == SECRET
    assert name.replace("main.client@", "") == url


def test_each_process_reads_its_own_password_anew_for_every_connection(tmp_path: Path) -> None:
    redis = RedisSettings(users=str(tmp_path))
    (tmp_path / "main.risk").write_text("one\n")
    assert address_of(redis, "main.risk") == "redis://main.risk:one@127.0.0.1:6379/0"
    (tmp_path / "main.risk").write_text("two")
    assert address_of(redis, "gone", "main.risk") == "redis://main.risk:two@127.0.0.1:6379/0"
    with pytest.raises(ConfigError, match=r'no password of main.rsk there.*Did you mean "main.risk"'):
        address_of(redis, "main.rsk")


def test_a_client_of_its_own_is_made_by_name(tmp_path: Path) -> None:
    redis = RedisSettings(users=str(tmp_path))
    (tmp_path / "main.client").write_text("one")
    with pytest.raises(ConfigError, match=r"no password of main.client.ana there. heatsink users --client ana makes"):
        address_of(redis, "main.client.ana")
    (tmp_path / "main.client.anna").write_text("two")
    with pytest.raises(ConfigError, match=r'Did you mean "main.client.anna"\? heatsink users --client ana makes it'):
        address_of(redis, "main.client.ana")


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb", b"\xff", b"a\x1bb"])
def test_a_file_without_one_password_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    told = fault({"HEATSINK_REDIS__PASSWORD_FILE": str(file)})
    assert "HEATSINK_REDIS__PASSWORD_FILE" in told
    assert "no password stands in its file" in told or "cannot be read" in told


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"HEATSINK_REDIS__USERS": "/nowhere"}, "no such folder"),
        ({"HEATSINK_REDIS__PASSWORD_FILE": "/nowhere/p"}, "no such file"),
        (
            {"HEATSINK_REDIS__PASSWORD": "hidden", "HEATSINK_REDIS__URL": "redis://a:hidden@h/0"},
            "another way to sign in",
        ),
        ({"HEATSINK_REDIS__PASSWORD": "hid\nden"}, "a line break"),
        ({"HEATSINK_REDIS__PASSWRD": "hidden"}, "no such setting"),
        ({"HEATSINK_REDIS_PASSWORD": "hidden"}, "one underscore"),
        ({"HEATSINK_REDIS__ULR": "redis://a:hidden@h/0"}, "no such setting"),
        ({"HEATSINK_REDIS__URL": "redis://h/0?password=hidden"}, "knows no option"),
        ({"HEATSINK_REDIS__URL": "redis://a:hidden@h/\x1b"}, "a line break"),
    ],
)
def test_a_fault_names_what_is_wrong_and_shows_no_password(environ: dict[str, str], problem: str) -> None:
    told = fault(environ)
    assert problem in told
    assert "hidden" not in told
    assert "hid" not in told.replace("hidden", "")


@pytest.mark.parametrize("setting", ["REDIS__PASSWORD_FILE", "EXCHANGE__ACCOUNT_FILE"])
def test_a_pipe_that_stands_for_a_file_is_refused_and_not_waited_for(tmp_path: Path, setting: str) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="it is no file but a pipe"):
        account_key_of(load_settings(SHIPPED, {f"HEATSINK_{setting}": str(tmp_path / "pipe")}).exchange)
