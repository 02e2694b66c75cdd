"""Who may ask an HTTP server of ours: programs that call it by its name, and no page of the web.

A page that somebody opens on this machine can send requests to every address that the machine reaches. Two headers,
which no page can choose, tell them apart. ``Host`` is the name that the page itself came by, where a stranger's name
was made to lead here (DNS rebinding). ``Origin`` is where the page came from, where it asks by our name; browsers send
it with whatever may change something. Every request is held to both, whatever its route.
"""

import asyncio
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Mapping

from aiohttp import hdrs, web

from shared.adapters.http_server.bounds import Bounds
from shared.adapters.http_server.connections import Connections
from shared.adapters.http_server.refusals import SHOWN, refused
from shared.domain.safe_text import safe

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusal = tuple[int, str]
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?\Z", re.IGNORECASE | re.ASCII)
_ORIGIN = re.compile(r"https?://(.+)\Z", re.IGNORECASE | re.DOTALL)


def guard(
    names: Collection[str], connections: Connections, bounds: Bounds
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware that stands before all others. names: by which the server may be called."""
    given = {each.lower() for each in names}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = (
            strange_host(request.headers.getall(hdrs.HOST, []), given, _arrived_at(request))
            or strange_page(request.method, request.headers, given)
            or unbounded_body(request.headers, request.content_length, bounds)
        )
        if refusal is None:
            refusal = await _read(request, bounds)
        if refusal is not None:
            return refused(*refusal)
        with connections.working(request.protocol):
            return await handler(request)

    return check


def strange_host(hosts: Collection[str], names: Collection[str], arrived_at: str) -> Refusal | None:
    """What is wrong with the name by which this server is called. arrived_at: the address that was reached by it."""
    if len(hosts) != 1:
        return 400, "a request has one Host header"
    host = next(iter(hosts))
    name = _name_of(host)
    if name and (_is_loopback(name) or name == arrived_at or name in names):
        return None
    return 421, f"{_shown(host)} is no name of this server; name it in the setting hosts, if it is"


def strange_page(method: str, headers: Mapping[str, str], names: Collection[str]) -> Refusal | None:
    """What is wrong with the page that asks; no page is one without a fault. The ``Host`` is one of this server's."""
    if (origin := headers.get(hdrs.ORIGIN)) is not None:
        match = _ORIGIN.match(origin)
        place = match[1].lower() if match else ""
        if place and (place == headers.get(hdrs.HOST, "").lower() or _name_of(place) in names):
            return None
        return 403, f"a page of {_shown(origin)} may not ask this server; name its host in the setting hosts, if it may"
    # Browsers that know of it tell by it what they leave out of Origin: pictures, scripts and forms of other pages.
    if headers.get("Sec-Fetch-Site", "none").lower() in ("none", "same-origin"):
        return None
    is_visit = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    if is_visit and method in (hdrs.METH_GET, hdrs.METH_HEAD):  # somebody follows a link, and sees what it shows
        return None
    return 403, "a page of somewhere else may not ask this server"


def unbounded_body(headers: Mapping[str, str], length: int | None, bounds: Bounds) -> Refusal | None:
    """What is wrong with the size of a body, before any of it is read. length: as it is told, if it is."""
    if hdrs.TRANSFER_ENCODING in headers:
        return 411, "a body tells its length before it begins: Content-Length"
    if headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        return 415, "a body is not compressed"
    if (length or 0) > bounds.body_bytes:
        return 413, f"a body has {bounds.body_bytes:,} bytes at most, and this one {length:,}"
    return None


def bears(request: web.Request, token: str) -> bool:
    """Whether a request shows the token. Nothing does where there is none."""
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    return bool(token) and hmac.compare_digest(given.encode(errors="surrogatepass"), f"Bearer {token}".encode())


async def _read(request: web.Request, bounds: Bounds) -> Refusal | None:
    """The body of a request, which its handler finds there; or what is wrong with it."""
    if not request.body_exists:
        return None
    try:
        async with asyncio.timeout(bounds.body_seconds):
            await request.read()
    except TimeoutError:
        return 408, f"the body did not come within {bounds.body_seconds:g} seconds"
    return None


def _name_of(host: str) -> str:
    """Without its port, and as it is compared; empty for what is none."""
    match = _HOST.match(host)
    return match[1].strip("[]").rstrip(".").lower() if match else ""


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _arrived_at(request: web.Request) -> str:
    """The address of this machine that the connection leads to: no page of a stranger can have come from it."""
    socket = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return str(socket[0]).removeprefix("::ffff:") if socket else ""


def _shown(text: str) -> str:
    return repr(safe(text[:SHOWN]))
