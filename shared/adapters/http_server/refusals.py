"""What somebody hears whose request is refused before any route is looked at."""

import msgspec
from aiohttp import web

SHOWN = 100  # signs of what somebody else wrote


def refused(status: int, reason: str) -> web.Response:
    """``{"error": reason}``, and the end of the connection."""
    body = msgspec.json.encode({"error": reason})
    response = web.Response(body=body, status=status, content_type="application/json")
    response.force_close()
    return response
