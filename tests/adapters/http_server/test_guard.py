"""Who may ask: every combination of headers that a browser or a program sends, by the functions that decide."""

import re
from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.http_server.bounds import Bounds
from shared.adapters.http_server.guard import bears, strange_host, strange_page, unbounded_body
from tests.examples import examples

OURS = ("localhost", "127.0.0.1:9090", "127.8.9.10", "[::1]:9090", "LocalHost:1", "localhost.", "ops:9090", "10.0.0.9")
STRANGE = (
    "", "evil.example", "evil.example:9090", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.8",
    "localhost:9090@evil.example", "evil.example#localhost", "localhost evil.example", "localhost\n", "xn--localhost",
    "[::1", "::1]", "localhost:", "localhost:999999", "2130706433", "[::ffff:10.0.0.9]", "ops.evil.example",
)  # fmt: skip
NAMES = {"ops"}
names = st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){0,3}", fullmatch=True)


@pytest.mark.parametrize("host", OURS)
def test_a_server_is_called_by_the_loopback_its_address_and_the_names_that_it_was_given(host: str) -> None:
    assert strange_host([host], NAMES, "10.0.0.9") is None


@pytest.mark.parametrize("host", STRANGE)
def test_a_strangers_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    refusal = strange_host([host], NAMES, "10.0.0.9")
    assert refusal is not None
    assert refusal[0] == 421
    assert refusal[1].isprintable()


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_a_request_names_one_host(hosts: list[str]) -> None:
    assert strange_host(hosts, NAMES, "") == (400, "a request has one Host header")


@given(name=names, port=st.none() | st.integers(0, 65_535), known=st.booleans())
@examples(300)
def test_any_other_name_is_taken_if_it_was_given_and_only_then(name: str, port: int | None, known: bool) -> None:
    if name == "localhost" or re.fullmatch(r"[0-9.]+", name):
        return
    host = name if port is None else f"{name}:{port}"
    assert (strange_host([host.upper()], {name} if known else set(), "127.0.0.1") is None) is known


@given(st.text(max_size=300))
@examples(300)
def test_whatever_a_host_or_an_origin_is_the_answer_is_a_sentence(text: str) -> None:
    for refusal in (strange_host([text], set(), "127.0.0.1"), strange_page("GET", {"Origin": text}, set())):
        assert refusal is None or (len(refusal[1]) < 800 and refusal[1].isprintable())


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_a_page_of_this_server_may_ask_it_and_no_other_page(method: str) -> None:
    host = {"Host": "localhost:9090"}
    asked = Counter[bool]()
    for origin, may in (
        (None, True),
        ("http://localhost:9090", True),
        ("HTTP://LOCALHOST:9090", True),
        ("https://ops", True),  # named in the configuration: behind a proxy, say
        ("http://ops:1234", True),
        ("http://localhost:3000", False),  # another program of this machine
        ("http://localhost", False),
        ("http://127.0.0.1:9090", False),
        ("http://evil.example", False),
        ("http://evil.example:9090", False),
        ("http://localhost:9090.evil.example", False),
        ("http://localhost:9090@evil.example", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("chrome-extension://localhost:9090", False),
    ):
        headers = host if origin is None else {**host, "Origin": origin}
        refusal = strange_page(method, headers, NAMES)
        assert (refusal is None) is may, origin
        assert refusal is None or refusal[0] == 403
        asked[may] += 1
    assert asked == {True: 5, False: 11}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "anything"])
def test_what_browsers_send_without_an_origin_is_told_by_where_it_comes_from(site: str) -> None:
    picture = {"Host": "localhost", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    link = {"Host": "localhost", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    frame = {**link, "Sec-Fetch-Dest": "iframe"}
    assert strange_page("GET", picture, set()) is not None
    assert strange_page("GET", frame, set()) is not None
    assert strange_page("GET", link, set()) is None
    assert strange_page("POST", link, set()) is not None
    for own in ("none", "same-origin"):
        assert strange_page("GET", {**picture, "Sec-Fetch-Site": own}, set()) is None


@pytest.mark.parametrize(
    ("headers", "length", "status"),
    [
        ({}, None, None),
        ({}, 0, None),
        ({}, 99, None),
        ({}, 100, None),
        ({}, 101, 413),
        ({}, 10**30, 413),
        ({"Transfer-Encoding": "chunked"}, None, 411),
        ({"Content-Encoding": "gzip"}, 10, 415),
        ({"Content-Encoding": "identity"}, 10, None),
    ],
)
def test_a_body_is_refused_by_its_size_before_it_is_read(
    headers: dict[str, str], length: int | None, status: int | None
) -> None:
    refusal = unbounded_body(headers, length, Bounds(body_bytes=100))
    assert (refusal and refusal[0]) == status


@pytest.mark.parametrize(
    ("given", "token", "does"),
    [
        ("Bearer secret", "secret", True),
        ("Bearer Secret", "secret", False),
        ("secret", "secret", False),
        ("", "", False),
        ("Bearer ", "", False),
        ("Bearer \udcff", "secret", False),  # bytes that are no text, as they come off the wire
        ("Bearer \udcff", "?", False),
    ],
)
def test_a_request_bears_the_token_that_it_shows_and_no_other(given: str, token: str, does: bool) -> None:
    request = cast("web.Request", SimpleNamespace(headers={"Authorization": given}))
    assert bears(request, token) is does
