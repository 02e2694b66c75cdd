"""The documents name what is there: verbs, options, variables, topics, rules, files."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from shared.config.environment import CLIENT_KEY, CONFIG_DIR, PHASE
from shared.config.load import SECTIONS
from shared.domain.risk.breakers import BREAKERS
from shared.domain.risk.gate.rules import EVERY_RULE
from shared.messages.catalogue import CATALOGUE
from shared.messages.orders import Finding, Refusal
from shared.messages.reports import ReportFault
from tests.docs.command_line import COMMANDS, options_of
from tests.docs.pages import DOCS, DOCUMENTS, FENCED, ROOT, USER_PAGES, name_of, snippets_of, text_of

COMMAND_LINE = text_of(DOCS / "command-line.md")
REFERENCE = text_of(DOCS / "reference.md")
INLINE = re.compile(r"`([^`\n]+)`")
WRONG = "HEATSINK_REDIS__ULR"  # the mistake that `heatsink config check` is shown with
VARIABLES = {CONFIG_DIR, PHASE, CLIENT_KEY, WRONG} | {
    f"HEATSINK_{section}__{key}".upper() for section, kind in SECTIONS.items() for key in kind.__struct_fields__
}


def code_of(document: Path) -> list[str]:
    """What people are told to type: the commands of fenced blocks, and inline code."""
    typed = INLINE.findall(FENCED.sub("", text_of(document)))
    return typed + [line for snippet in snippets_of(document) for line in snippet.commands]


def table_of(page: str, header: str) -> str:
    """The table whose first line begins with ``header``."""
    return page.partition(header)[2].partition("\n\n")[0]


@pytest.fixture(params=DOCUMENTS, ids=name_of)
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_make_verb_that_is_named_exists(document: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {verb for line in code_of(document) for verb in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", line)}
    assert named <= verbs


def test_the_page_on_contributing_lists_every_verb_of_make_and_every_mark_of_tests() -> None:
    page = text_of(ROOT / "CONTRIBUTING.md")
    verbs = re.findall(r"^([a-z-]+):.*# ", text_of(ROOT / "Makefile"), re.MULTILINE)
    marks = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["pytest"]["ini_options"]["markers"]
    named = {name for code in INLINE.findall(page) for name in re.findall(r"^(?:make )?([a-z-]+)", code)}
    assert "chaos" in verbs
    assert {*verbs, *(re.split(r"[(:]", mark)[0] for mark in marks)} - {"help"} <= named


def test_every_heatsink_verb_that_is_named_exists_with_its_options(document: Path) -> None:
    for line in code_of(document):
        for verb, rest in re.findall(r"^(?:\S*/)?heatsink ([a-z]+(?:-[a-z]+)*)(.*)$", line):
            assert verb in COMMANDS, line
            assert set(re.findall(r"--[a-z][a-z-]*", rest)) <= {"--help"} | options_of(COMMANDS[verb]), line


def test_every_variable_that_is_named_is_read(document: Path) -> None:
    named = set(re.findall(r"\bHEATSINK_[A-Z_]+[A-Z]\b", text_of(document)))
    assert named <= VARIABLES


def test_no_document_names_a_machine(document: Path) -> None:
    found = re.findall(r"(?<![\w.:/-])/(?:work|root|home|tmp|Users)\b\S*", text_of(document))
    assert not found


def test_the_page_on_the_command_line_shows_every_option_of_up_and_no_other() -> None:
    params = COMMANDS["up"].params
    hidden = {name for parameter in params if getattr(parameter, "hidden", False) for name in parameter.opts}
    up = options_of(COMMANDS["up"]) - hidden
    table = table_of(COMMAND_LINE, "| option |")
    assert set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", table)) == up - {"--help", "-h"}


@pytest.mark.parametrize("verb", ["backtest", "sweep"])
def test_the_page_of_a_backtest_or_a_sweep_shows_every_option_of_its_verb(verb: str) -> None:
    of_backtests = {option for each in COMMANDS["backtest"].params for option in each.opts}
    own = {option for each in COMMANDS[verb].params for option in each.opts}
    wanted = own if verb == "backtest" else own - of_backtests
    table = table_of(text_of(DOCS / f"{verb}.md"), "| option |")
    assert wanted - {"--help", "-h"} - set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", table)) <= {"--variants"}


def test_the_page_on_the_command_line_shows_every_verb_and_no_option_that_is_not_there() -> None:
    table = table_of(COMMAND_LINE, "| command |")
    assert {*re.findall(r"heatsink ([a-z]+(?:-[a-z]+)*)", table), "up"} == set(COMMANDS)
    known = {option for command in COMMANDS.values() for option in options_of(command)}
    assert set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", table)) <= known


def test_the_page_on_the_command_line_names_every_topic_that_tail_knows() -> None:
    sentence = COMMAND_LINE.partition("The topics of `heatsink tail` are")[2].partition("\n\n")[0]
    assert set(INLINE.findall(sentence)) == {topic.name for topic in CATALOGUE}


def test_the_reference_shows_every_topic_with_its_messages() -> None:
    table = table_of(REFERENCE, "| stream and channel |")
    rows = {row.split("`")[1]: set(re.findall(r"`([A-Z]\w+)`", row)) for row in table.splitlines() if "`hs:" in row}
    assert rows == {topic.key: {kind.__name__ for kind in topic.readable} for topic in CATALOGUE}


def test_the_reference_shows_every_rule_in_the_order_of_the_source() -> None:
    table = table_of(REFERENCE, "| rule | the ceiling |")
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [rule.__name__ for rule in EVERY_RULE]


def test_the_reference_shows_every_breaker_in_the_order_of_the_source() -> None:
    table = table_of(REFERENCE, "| breaker | what sets it off")
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [breaker.name for breaker in BREAKERS]


def test_the_shipped_limits_name_every_breaker_that_can_be_switched_off() -> None:
    limits = text_of(ROOT / "deploy/config/limits.toml")
    [names] = re.findall(r"^off = \[\] +# switched off: (.*)$", limits, re.MULTILINE)
    assert names.split(", ") == [breaker.name for breaker in BREAKERS]


def test_the_reference_explains_every_finding() -> None:
    table = REFERENCE.partition("| code | what was found |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(get_args(Finding))


def test_the_map_of_the_house_names_folders_and_files_that_are_there() -> None:
    text = text_of(ROOT / "ARCHITECTURE.md")
    paths = re.findall(r"`((?:shared|services|tests|deploy|docs)/[\w./-]*)`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_decision_has_its_row_in_the_list_of_the_map() -> None:
    rows = re.findall(r"^\| \[(\d{4})\]\(docs/decisions/([^)]+)\)", text_of(ROOT / "ARCHITECTURE.md"), re.MULTILINE)
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [(page.name[:4], page.name) for page in pages] == rows
    assert all(text_of(page).startswith(f"# {int(page.name[:4])}. ") for page in pages)


def test_a_list_of_rules_that_a_page_prints_keeps_the_order_of_the_source_and_says_that_it_is_a_part() -> None:
    why = text_of(DOCS / "verdicts.md").partition("$ heatsink why")[2].partition("```")[0]
    verdict = text_of(DOCS / "join.md").partition("\n  known_and_valid")[2].partition("```")[0]
    whys = re.findall(r"^>?\s{2,}(\w+|\.{3})(?:\s{2,}|$)", why, re.MULTILINE)
    verdicts = re.findall(r"^  (\w+|\.{3})(?: +would allow |$)", verdict, re.MULTILINE)
    for printed in (whys[1:], ["known_and_valid", *verdicts]):
        assert "..." in printed
        names = [name for name in printed if name != "..."]
        assert len(names) >= 10
        assert names == [rule.__name__ for rule in EVERY_RULE if rule.__name__ in names]


def test_no_page_counts_the_rules_or_the_breakers_for_the_tables_grow() -> None:
    counted = re.compile(r"\b(?:\d+|eight|nine|ten|nineteen|twenty) (?:rules|breakers)", re.IGNORECASE)
    assert [found for page in USER_PAGES for found in counted.findall(text_of(page))] == []


def test_the_page_on_joining_explains_every_code_of_a_refusal() -> None:
    rows = table_of(text_of(DOCS / "join.md"), "| `code` of a refusal |").splitlines()
    named = {code for row in rows[2:] for code in INLINE.findall(row.split("|")[1])}
    assert named == set(get_args(Refusal))


def test_the_page_on_joining_explains_every_code_of_a_refused_report() -> None:
    rows = table_of(text_of(DOCS / "join.md"), "| `code` of a refused report |").splitlines()
    assert [code for row in rows[2:] for code in INLINE.findall(row.split("|")[1])] == list(get_args(ReportFault))
