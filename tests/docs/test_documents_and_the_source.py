"""The documents name what is there: verbs, options, variables, topics, rules, files."""

import json
import re
import shutil
from pathlib import Path
from typing import get_args

import click
import msgpack
import pytest
import typer

from services.cli.__main__ import app
from shared.adapters.codec import decode
from shared.config.load import CONFIG_DIR, PHASE, SECTIONS, load_settings
from shared.domain.risk.gate.rules import RULES
from shared.messages.catalogue import CATALOGUE
from shared.messages.orders import CancelProposed, Finding, OrderProposed
from shared.messages.signals import SignalRaised

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
WRONG = "HEATSINK_REDIS__ULR"  # the mistake that `heatsink config check` is shown with
VARIABLES = {CONFIG_DIR, PHASE, WRONG} | {
    f"HEATSINK_{section}__{key}".upper() for section, kind in SECTIONS.items() for key in kind.__struct_fields__
}
COMMANDS: dict[str, click.Command] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def code_of(text: str) -> list[str]:
    """What people are told to type: lines of fenced blocks (after the prompt, where there is one), and inline code."""
    typed = INLINE.findall(FENCED.sub("", text))
    for language, block in FENCED.findall(text):
        lines = block.splitlines()
        typed += [line[2:] for line in lines if line.startswith("$ ")] if language == "console" else lines
    return typed


def options_of(command: click.Command) -> set[str]:
    """A command's options; of a group (``heatsink limits``), those of its verbs too."""
    verbs = getattr(command, "commands", {}).values()
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*map(options_of, verbs))


@pytest.fixture(params=DOCUMENTS, ids=[path.name for path in DOCUMENTS])
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_make_verb_that_is_named_exists(document: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = code_of(document.read_text(encoding="utf-8"))
    named = {verb for line in code for verb in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", line)}
    assert named <= verbs


def test_every_heatsink_verb_that_is_named_exists_with_its_options(document: Path) -> None:
    for line in code_of(document.read_text(encoding="utf-8")):
        for verb, rest in re.findall(r"^(?:\S*/)?heatsink ([a-z]+)(.*)$", line):
            assert verb in COMMANDS, line
            assert set(re.findall(r"--[a-z][a-z-]*", rest)) <= options_of(COMMANDS[verb]), line


def test_every_variable_that_is_named_is_read(document: Path) -> None:
    named = set(re.findall(r"\bHEATSINK_[A-Z_]+[A-Z]\b", document.read_text(encoding="utf-8")))
    assert named <= VARIABLES


def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), target


def test_no_document_names_a_machine(document: Path) -> None:
    found = re.findall(r"(?<![\w.:/-])/(?:work|root|home|tmp|Users)\b\S*", document.read_text(encoding="utf-8"))
    assert not found


def test_the_readme_shows_every_option_of_up_and_no_other() -> None:
    params = COMMANDS["up"].params
    hidden = {name for parameter in params if getattr(parameter, "hidden", False) for name in parameter.opts}
    up = options_of(COMMANDS["up"]) - hidden
    table = README.partition("| option |")[2].partition("\n\n")[0]
    assert set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", table)) == up - {"--help", "-h"}


def test_the_readme_shows_every_verb_and_no_option_that_is_not_there() -> None:
    table = README.partition("| command |")[2].partition("\n\n")[0]
    assert {*re.findall(r"heatsink ([a-z]+)", table), "up"} == set(COMMANDS)
    known = {option for command in COMMANDS.values() for option in options_of(command)}
    assert set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", table)) <= known


def test_the_reference_shows_every_topic_with_its_messages() -> None:
    table = REFERENCE.partition("| stream and channel |")[2].partition("\n\n")[0]
    rows = {row.split("`")[1]: set(re.findall(r"`([A-Z]\w+)`", row)) for row in table.splitlines() if "`hs:" in row}
    assert rows == {topic.key: {kind.__name__ for kind in topic.readable} for topic in CATALOGUE}


def test_the_reference_shows_every_rule_in_the_order_of_the_source() -> None:
    table = REFERENCE.partition("| rule | the ceiling |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [rule.__name__ for rule in RULES]


def test_the_reference_explains_every_finding() -> None:
    table = REFERENCE.partition("| code | what was found |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(get_args(Finding))


def test_the_map_of_the_house_names_folders_and_files_that_are_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:shared|services|tests|deploy|docs)/[\w./-]*)`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_table_of_rules_that_the_readme_prints_has_all_of_them() -> None:
    names = [rule.__name__ for rule in RULES]
    why = README.partition("$ heatsink why")[2].partition("```")[0]
    assert re.findall(r"^>?\s{2,}(\w+)\s{2,}", why, re.MULTILINE) == ["rule", *names]
    assert re.findall(r"^  (\w+) +would allow ", README, re.MULTILINE) == names
    assert f"The {len(names)} rules" in README


def test_every_message_that_the_readme_shows_as_json_can_be_read() -> None:
    lines = [line for language, block in FENCED.findall(README) if language == "json" for line in block.splitlines()]
    kinds = [type(decode(msgpack.packb(json.loads(line)))) for line in lines]
    assert kinds == [OrderProposed, OrderProposed, CancelProposed, SignalRaised]


def test_the_strategies_that_the_readme_shows_are_sound(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "deploy" / "config", folder)
    [example] = [block for language, block in FENCED.findall(README) if language == "toml"]
    [gate_only] = re.findall(r"printf '(.*)' > mine/strategies\.toml", README)
    for text in (example, gate_only.replace("\\n", "\n")):
        (folder / "strategies.toml").write_text(text, encoding="utf-8")
        strategies = load_settings(folder, {}).plan.strategies
        assert strategies[-1].name == "mine"
        assert sum(strategy.weight for strategy in strategies) == 1
