"""No snippet of the pages goes untested: programs have a test that runs them, commands and data are read here.

What needs running processes (programs, ``redis-cli``) is in ``test_programs.py``.
"""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest
import yaml

from services.wiring import BY_NAME
from shared.adapters.codec import decode
from shared.application.position_files import read_positions
from shared.config.load import load_settings
from shared.messages.orders import OrderDecided
from shared.messages.signals import PositionSized
from tests.docs.command_line import UsageError, check_heatsink, words_of
from tests.docs.pages import DOCS, ROOT, SNIPPETS, USER_PAGES, Snippet, snippets, text_of
from tests.docs.test_strategies_page import MINE

PROGRAMS, COMMANDS, DATA = ("python", "js"), ("sh", "console"), ("json", "toml", "csv")
CONFIG = ROOT / "deploy" / "config"
ROWS_OF_FIELDS = re.compile(r"^\| field of `(\w+)` \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


def place(snippet: Snippet) -> str:
    return snippet.place


def test_every_snippet_is_in_a_language_that_tests_know() -> None:
    fences = [fence for page in USER_PAGES for fence in re.findall(r"^\s*(?:```|~~~)", text_of(page), re.MULTILINE)]
    assert len(fences) == 2 * len(SNIPPETS), "a fence is indented, or stands alone"
    assert [each.place for each in SNIPPETS if each.language not in (*PROGRAMS, *COMMANDS, *DATA)] == []


def test_every_program_has_a_test_that_runs_it() -> None:
    tests = "\n".join(text_of(path) for path in Path(__file__).parent.glob("test_*.py"))
    run = re.findall(r'\bprogram\("([^"]+)"\)', tests)
    assert sorted(each.file or each.place for each in snippets(*PROGRAMS)) == sorted(run)


# --- commands ---------------------------------------------------------------------------------------------------------


def check_make(words: list[str]) -> None:
    """A verb of the Makefile; what goes on to ``heatsink up`` is read as its options."""
    verbs = re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE)
    _, verb, *rest = words
    assert verb in verbs
    for word in rest:
        assert word.startswith("ARGS="), word
        assert verb == "run", "only the options of heatsink up are known here"
        check_heatsink(["up", *word.removeprefix("ARGS=").split()])


def check_compose(words: list[str]) -> None:
    """A verb of Compose, on services that are there; a command in a container is read like one outside."""
    services = yaml.safe_load(text_of(ROOT / "docker-compose.yml"))["services"]
    _, verb, *rest = words
    assert verb in ("up", "down", "build", "restart", "logs", "exec", "run")
    if verb == "run":
        option, service, *command = rest
        assert option == "--rm"
        check_heatsink(command or services[service]["command"])
        return
    *_, last = rest or [""]
    named = rest[:1] if verb == "exec" else [last] * (not last.startswith("-"))
    assert set(filter(None, named)) <= set(services)
    if verb == "exec":
        CHECKS[rest[1]](rest[1:])


def check_module(words: list[str]) -> None:
    assert words[:2] == ["python", "-m"]
    if words[2] in {row.module for row in BY_NAME.values()}:  # in the background of the shell
        assert words[3:] == ["&"]
        return
    assert words[2] == "services.cli"
    check_heatsink(words[3:])


def check_install(words: list[str]) -> None:
    """Of a package that is there, by its folder in this repository."""
    assert words[1] == "install"
    for word in words[2:]:
        assert word in ("redis", "msgpack") or (ROOT / word.removeprefix("path/to/heatsink/")).is_dir(), word


def is_tested_elsewhere(words: list[str]) -> None:
    """``test_programs.py`` gives it to a server, and ``tests/clients/test_freqtrade.py`` runs freqtrade."""


def is_tested_over_http(words: list[str]) -> None:
    """``test_http_page.py`` runs it."""


def is_of_the_shell(words: list[str]) -> None:
    """``cp``, ``echo`` and the like: the block is run below where it makes something."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": check_make,
    "heatsink": lambda words: check_heatsink(words[1:]),
    "docker-compose": check_compose,
    "python": check_module,
    "redis-cli": is_tested_elsewhere,
    "freqtrade": is_tested_elsewhere,
    "curl": is_tested_over_http,
    **dict.fromkeys(("pip", "npm"), check_install),
    **dict.fromkeys(("cp", "printf", "echo", "export"), is_of_the_shell),
}


@pytest.mark.parametrize("snippet", snippets(*COMMANDS), ids=place)
def test_every_command_exists_with_its_options(snippet: Snippet) -> None:
    for line in snippet.commands:
        words = words_of(line)
        assert words[0] in CHECKS, f"{snippet.place}: no test knows {words[0]}"
        CHECKS[words[0]](words)


def test_a_command_that_does_not_exist_is_found() -> None:
    for wrong in ("heatsink halts", "heatsink halt --reasons x", "heatsink resume ETH", 'make run ARGS="--sped 3"'):
        words = words_of(wrong)
        with pytest.raises(UsageError):
            CHECKS[words[0]](words)
    with pytest.raises(AssertionError):
        check_compose(words_of("docker-compose logs redis"))


@pytest.mark.processes
@pytest.mark.parametrize(
    "snippet", [each for each in snippets("sh") if "cp -r" in each.text and "printf" in each.text], ids=place
)
def test_the_configuration_for_only_the_gate_is_sound(snippet: Snippet, tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "deploy" / "config")
    script = "\n".join(line for line in snippet.commands if words_of(line)[0] != "make")
    subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, check=True)
    [strategy] = load_settings(tmp_path / "mine", {}).plan.strategies
    assert (strategy.name, strategy.kind, strategy.weight) == ("mine", "external", 1)


# --- data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snippet", [each for each in snippets("json") if not each.file], ids=place)
def test_every_message_can_be_read(snippet: Snippet) -> None:
    for line in snippet.text.splitlines():
        message = decode(msgpack.packb(json.loads(line)))
        assert type(message).__name__ == json.loads(line)["type"]


@pytest.mark.parametrize("snippet", snippets("csv"), ids=place)
def test_every_list_of_positions_can_be_read(snippet: Snippet, tmp_path: Path) -> None:
    path = tmp_path / "held.csv"
    path.write_text(snippet.text, encoding="utf-8")
    assert read_positions(path, load_settings(CONFIG, {})).positions


@pytest.mark.parametrize("snippet", snippets("toml"), ids=place)
def test_every_piece_of_configuration_is_sound(snippet: Snippet, tmp_path: Path) -> None:
    """In place of the file that holds such a table, or as the file of shadow limits."""
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    [table] = tomllib.loads(snippet.text)
    name = {"strategies": "strategies.toml", "limits": "shadow.toml", "clients": "stack.toml"}[table]
    beside = (folder / name).read_text(encoding="utf-8") if table == "clients" else ""
    (folder / name).write_text(beside + snippet.text, encoding="utf-8")
    (folder / "strategies" / "mine.py").write_text(MINE, encoding="utf-8")
    plan = load_settings(folder, {}).plan
    if table == "clients":
        assert plan.clients
    elif table == "strategies":
        assert plan.strategies[-1].name == "mine"
        assert sum(strategy.weight for strategy in plan.strategies) == 1
    else:
        assert plan.shadow is not None
        assert plan.shadow != plan.limits


@pytest.mark.parametrize("kind", [PositionSized, OrderDecided])
def test_the_fields_that_the_page_on_joining_explains_are_those_of_the_message(kind: type) -> None:
    rows = dict(ROWS_OF_FIELDS.findall(text_of(DOCS / "join.md")))[kind.__name__]
    named = {name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named
    assert named <= set(kind.__struct_fields__)  # type: ignore[attr-defined]
