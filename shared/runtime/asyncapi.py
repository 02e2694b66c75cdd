"""The AsyncAPI 3 document of the wire, made from the catalogue: ``make asyncapi`` writes ``docs/asyncapi.yaml``.

python -m shared.runtime.asyncapi > docs/asyncapi.yaml
"""

import sys
from inspect import cleandoc
from typing import Any

import msgspec

from shared.messages.base import MAX_MESSAGE_BYTES, Message
from shared.messages.catalogue import CATALOGUE, Topic

SCHEMAS = "#/components/schemas/"


def document() -> dict[str, Any]:
    """The document as plain data."""
    kinds = [kind for topic in CATALOGUE for kind in topic.messages]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=SCHEMAS + "{name}")
    _write_patterns_for_everybody(schemas)
    for schema in schemas.values():
        schema["description"] = cleandoc(schema.get("description", ""))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "heatsink",
            "version": "1",
            "description": (
                "Every message is a MessagePack map. A durable topic is a Redis stream whose entries hold the message "
                "in the field `m`; every message is also published on the channel of the same name. `{P}` is the "
                f"portfolio's name in braces, `main` by default. A message has at most {MAX_MESSAGE_BYTES:,} bytes, "
                "unless its channel says otherwise."
            ),
        },
        "defaultContentType": "application/msgpack",
        "servers": {"redis": {"host": "127.0.0.1:6379", "protocol": "redis"}},
        "channels": {topic.name: _channel(topic) for topic in CATALOGUE},
        "operations": {
            f"{action}{topic.name.title()}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"{topic.about} (written by {topic.written_by})",
            }
            for topic in CATALOGUE
            for action in _actions(topic)
        },
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in kinds},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _write_patterns_for_everybody(node: Any) -> None:
    r"""Python's ``\Z`` is the ``$`` of the expressions that JSON Schema knows."""
    if isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            node["pattern"] = pattern.replace(r"\Z", "$")
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            _write_patterns_for_everybody(each)


def _channel(topic: Topic) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    address = topic.key.replace("{P}", "{{portfolio}}").replace("<timeframe>", "{timeframe}")
    if "{P}" in topic.key:
        parameters["portfolio"] = {"default": "main", "description": "in literal braces: a Redis cluster hash tag"}
    if "<timeframe>" in topic.key:
        parameters["timeframe"] = {"examples": ["15m", "1h", "1d"]}
    live = "hash (pair to latest) and channel" if topic.per_pair else "channel only, kept nowhere"
    where = "stream and channel" if topic.durable else live
    also = "; each message also on the channel of its pair, `<address>:<pair>`" if topic.per_pair else ""
    bound = f"; at most {topic.max_bytes:,} bytes a message" if topic.max_bytes != MAX_MESSAGE_BYTES else ""
    copies = "".join(f"; all messages of {copied.name} stand here too" for copied in topic.copies)
    return {
        "address": address,
        "description": f"{topic.about}: {where}{also}{bound}{copies}",
        **({"parameters": parameters} if parameters else {}),
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in topic.readable},
    }


def _actions(topic: Topic) -> tuple[str, ...]:
    """What another process may do: read everything, and write where clients write or have queues of their own."""
    return ("receive", "send") if topic.client_key or "clients" in topic.written_by else ("receive",)


def _message(kind: type[Message]) -> dict[str, Any]:
    return {
        "name": kind.__name__,
        "summary": (kind.__doc__ or "").strip().split("\n")[0],
        "payload": {"$ref": SCHEMAS + kind.__name__},
    }


def as_yaml() -> str:
    """The document as it is written to disk."""
    import yaml

    text: str = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)
    return text


if __name__ == "__main__":
    sys.stdout.write(as_yaml())
