"""What must not be shown: what people see is copied into logs, issues and pictures."""

import re

HIDDEN = "***"
_IN_ADDRESS = re.compile(r"^([a-z]+://[^:@/?#]*:).*@", re.IGNORECASE)
_IN_QUERY = re.compile(r"([?&](?:password|username)=)[^&#]*", re.IGNORECASE)
_SECRET = re.compile(r"(pass[a-z]*|pw|secret|token|account_key)\Z", re.IGNORECASE)


def without_password(url: str) -> str:
    """An address as it is shown."""
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_ADDRESS.sub(rf"\1{HIDDEN}@", url))


def shown_value(key: str, value: object) -> object:
    """A value of the configuration as it may stand in a fault. key: its name, or that of its variable."""
    if value is None:
        return None
    if _SECRET.search(key):
        return HIDDEN
    return without_password(value) if isinstance(value, str) else value
