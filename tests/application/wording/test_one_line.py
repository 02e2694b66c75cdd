"""Whatever is on the wire has one readable line."""

import pytest

from shared.application.wording.one_line import event_line, line_parts
from shared.messages.base import Message
from shared.messages.catalogue import TOPIC_OF
from tests.samples import book, decision, samples


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_every_message_has_one_line_of_words(message: Message) -> None:
    word, text = line_parts(message)
    assert word != type(message).__name__, "no words for it"
    assert 0 < len(word) <= 9
    assert text
    assert "\n" not in event_line(message)


def line_of(kind: str) -> str:
    [message] = [message for message in samples() if type(message).__name__ == kind]
    return event_line(message)


def test_a_limit_change_says_from_what_to_what_by_whom_and_what_is_over() -> None:
    line = line_of("LimitsChanged")
    assert "heat 0.08 -> 0.06: less heat over the weekend, by ana" in line
    assert "over it already: heat 6.80 % is over 6 %" in line


def test_the_second_step_of_a_resume_names_its_code() -> None:
    assert "resume the portfolio (drawdown) once more with the code 7f3a9c" in line_of("ResumeAsked")


def test_a_book_that_is_too_thin_says_so() -> None:
    assert "0.015 % for $25,000" in event_line(book())
    assert "too thin for $25,000" in event_line(book(spread=None, median_spread=None))


def test_every_message_of_the_catalogue_has_its_words() -> None:
    for message in samples():
        word, text = line_parts(message)
        assert 0 < len(word) <= 9, message
        assert text, message
    assert {type(message) for message in samples()} == set(TOPIC_OF)


def test_a_verdict_tells_quantities_reason_and_heat() -> None:
    assert event_line(decision()) == (
        "2022-11-01 01:00:00  TRIM      buy 0.5 -> 0.31 BTC/USDT: sector_cap has 6,355.00 of 50,000.00 USDT left"
        " · heat 3.10 % -> 3.26 % (o-1)"
    )
