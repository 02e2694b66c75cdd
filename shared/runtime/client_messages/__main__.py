"""Write the messages of all client libraries: ``python -m shared.runtime.client_messages``."""

from pathlib import Path

from shared.runtime.client_messages import node, python

CLIENTS = Path(__file__).resolve().parents[3] / "clients"


def written() -> dict[Path, str]:
    """Every file that is made from the catalogue, with its text."""
    return {
        CLIENTS / "python/heatsink_client/messages.py": python.source(),
        CLIENTS / "node/messages.js": node.source(),
        CLIENTS / "node/messages.d.ts": node.types(),
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
