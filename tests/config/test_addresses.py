"""Addresses as people are shown them."""

import pytest

from shared.config.addresses import without_password
from shared.config.faults import ConfigError
from shared.config.load import default_config_dir, load_settings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("rediss://ana:se@cr:e/t@host:6380/1?ssl_cert_reqs=none", "rediss://ana:***@host:6380/1?ssl_cert_reqs=none"),
        ("redis://ana@host/0", "redis://ana@host/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("no address", "no address"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize("rest", ["abc", "0#here", "0?odd=1", "0?ssl_cert_reqs=x"])
@pytest.mark.parametrize("scheme", ["redis", "ftp"])
def test_a_fault_of_an_address_does_not_tell_its_password(scheme: str, rest: str) -> None:
    url = f"{scheme}://ana:secret@host/{rest}"
    with pytest.raises(ConfigError) as caught:
        load_settings(default_config_dir({}), {"HEATSINK_REDIS__URL": url})
    assert caught.value.faults
    assert "secret" not in str(caught.value)
    assert "ana:***@host" in str(caught.value)
