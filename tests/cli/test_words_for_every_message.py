"""Whatever is on the wire has one readable line."""

import pytest

from services.cli.headlines import headline
from services.cli.render import event_line
from shared.messages.base import Message
from tests.samples import book, samples


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_every_message_has_one_line_of_words(message: Message) -> None:
    word, text = headline(message)
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
