"""The published description of the wire is the one that the catalogue gives."""

from pathlib import Path

from shared.messages.catalogue import CATALOGUE
from shared.runtime.asyncapi import as_yaml, document

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.yaml"


def test_the_written_document_is_up_to_date() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == as_yaml(), "run `make asyncapi`"


def test_every_message_is_described() -> None:
    schemas = document()["components"]["schemas"]
    for kind in (kind for topic in CATALOGUE for kind in topic.messages):
        assert len(schemas[kind.__name__]["description"]) > 20


def test_clients_may_send_proposals_reports_signals_and_questions_only() -> None:
    sends = [name for name, row in document()["operations"].items() if row["action"] == "send"]
    assert sends == ["sendSignals", "sendProposed", "sendReported", "sendAsk"]
