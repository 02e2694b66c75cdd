"""The key of the account: from one place, whole, and never shown."""

from pathlib import Path

import pytest

from shared.config.account_key import account_key_of
from shared.config.faults import ConfigError
from shared.config.load import load_settings
from shared.config.model import ExchangeSettings
from tests.shipped import SHIPPED

KEY, SECRET = "k" * 64, "s" * 64


def faults(**variables: str) -> str:
    named = {f"HEATSINK_EXCHANGE__{name.upper()}": value for name, value in variables.items()}
    with pytest.raises(ConfigError) as caught:
        load_settings(SHIPPED, named)
    return "\n".join(f"{each.key} = {each.value}: {each.problem} {each.remedy}" for each in caught.value.faults)


@pytest.mark.parametrize(
    ("variables", "told"),
    [({"account_key": KEY}, "a key and its secret go together"),
     ({"account_secret": SECRET}, "a key and its secret go together"),
     ({"account_key": KEY, "account_secret": SECRET, "account_file": "f"}, "the key is named beside its file")],
)  # fmt: skip
def test_half_a_key_or_two_places_of_one_are_faults_that_do_not_show_it(variables: dict[str, str], told: str) -> None:
    found = faults(**variables)
    assert told in found
    assert KEY not in found
    assert SECRET not in found


def test_a_key_is_read_from_the_environment_and_printing_it_shows_nothing() -> None:
    key = account_key_of(ExchangeSettings(account_key=KEY, account_secret=SECRET))
    assert (key.key, key.secret) == (KEY, SECRET)
    assert KEY not in f"{key} {key!r}"


@pytest.mark.parametrize("text", ["", f"{KEY}\n", f"{KEY} x\n{SECRET}", f"a\tb\n{SECRET}", "\u00e9\nx"])
def test_a_file_without_key_and_secret_is_refused_without_showing_what_stands_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        account_key_of(ExchangeSettings(account_file=str(path)))
    [fault] = caught.value.faults
    assert (fault.key, fault.problem) == ("exchange.account_file", "no key and secret stand there")


def test_a_private_key_of_several_lines_is_a_secret_too(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(f"{KEY}\r\n-----BEGIN PRIVATE KEY-----\r\nabc\r\n-----END PRIVATE KEY-----\r\n".encode())
    path.chmod(0o600)
    found = account_key_of(ExchangeSettings(account_file=str(path)))
    assert found.secret == "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
