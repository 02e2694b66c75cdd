"""JSON over HTTP: whatever strangers wrote may stand in it, and be shown on a terminal."""

from collections.abc import Mapping

from aiohttp import web

from shared.adapters.plain_amounts import json_bytes
from shared.domain.safe_text import safe_json


def as_json(value: object) -> bytes:
    """What ``json_bytes`` writes, without a sign that a terminal would obey."""
    return safe_json(json_bytes(value).decode()).encode()


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=as_json(value), status=status, headers=headers, content_type="application/json")
