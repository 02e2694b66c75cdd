"""A number that is none, or beyond every use, is refused by its name: in every setting, however it was written."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec import inspect

from services.exchange_sim.faults import Fault as SimulatorFault
from services.exchange_sim.faults import ScriptedFault, read_script
from shared.config import model
from shared.config.faults import ConfigError
from shared.config.load import SECTIONS, load_settings
from shared.domain.plan import Limits, PhasePlan, StrategyTable
from shared.messages.base import Message
from shared.messages.catalogue import CATALOGUE
from tests.config.wrong_settings import faults_of
from tests.hostile_text import HOSTILE
from tests.shipped import SHIPPED
from tests.tables import sampled

ROOT = Path(__file__).parents[2]
# As TOML has them. What is no number at all, and what would be one of the largest.
EXTREME = ("nan", "+inf", "-inf", "1e300", "-1e300", "1e999", "1e1000000", "-1e1000000", "9" * 400, "0x" + "f" * 5000)
AS_TEXT = (*EXTREME[:8], "infinity", "9" * 5000)  # of a variable


def numeric(kind: type[Any]) -> Iterator[str]:
    for field in cast("inspect.StructType", inspect.type_info(kind)).fields:
        if isinstance(field.type, inspect.FloatType | inspect.IntType):
            yield field.name


SETTINGS = [(section, name) for section, kind in SECTIONS.items() for name in numeric(kind)]
FILE_OF = dict.fromkeys(SECTIONS, "stack.toml") | dict.fromkeys(
    ("limits", "breakers", "costs", "sizing"), "limits.toml"
)
ROW = 'name = "x"\nkind = "donchian"\ntimeframe = "1h"\nweight = 0.1\nparameters = { entry = 20, exit = 10 }\n'


def test_there_are_numbers_to_try() -> None:
    assert len(SETTINGS) > 60


@pytest.mark.parametrize(("section", "name"), sampled(SETTINGS, every=3), ids=str)
def test_every_numeric_setting_refuses_what_is_no_number_for_it(section: str, name: str, config_dir: Path) -> None:
    file = config_dir / FILE_OF[section]
    shipped = re.sub(rf"(?m)^{name} *=.*$", "", file.read_text(encoding="utf-8"))
    for number in EXTREME:
        told = f"[{section}]\n{name} = {number}\n"
        header = f"[{section}]\n"
        text = shipped.replace(header, told, 1) if header in shipped else f"{shipped}\n{told}"
        file.write_text(text, encoding="utf-8")
        assert any(fault.key == f"{section}.{name}" for fault in faults_of(config_dir)), number
    variable = f"HEATSINK_{section}__{name}".upper()
    for number in AS_TEXT:
        assert any(fault.key == variable for fault in faults_of(SHIPPED, {variable: number})), number
    with pytest.raises(ConfigError) as caught:
        load_settings(SHIPPED, {}, {f"{section}.{name}": "1e300"})
    assert any(fault.key == f"{section}.{name}" for fault in caught.value.faults)


def changed(config_dir: Path, file: str, text: str) -> list[str]:
    """The keys that are refused in a copy of the shipped configuration with so much more in one file."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(config_dir, Path(place) / "config"))
        with (folder / file).open("a", encoding="utf-8") as more:
            more.write(f"\n{text}\n")
        return [fault.key for fault in faults_of(folder)]


@pytest.mark.parametrize("number", EXTREME, ids=lambda text: text[:10])
def test_rows_refuse_them_too(number: str, config_dir: Path) -> None:
    for name in numeric(PhasePlan):
        row = "".join(f"{key} = {value}\n" for key, value in {"name": '"x"', "scale": "1", name: number}.items())
        assert any(key.endswith(f"].{name}") for key in changed(config_dir, "phases.toml", f"[[phases]]\n{row}")), name
    for name in numeric(StrategyTable):
        row = re.sub(rf"(?m)^{name} = .*$", f"{name} = {number}", ROW)
        keys = changed(config_dir, "strategies.toml", f"[[strategies]]\n{row}")
        assert any(key.endswith(f"].{name}") for key in keys), name
    row = ROW.replace("entry = 20", f"entry = {number}")
    keys = changed(config_dir, "strategies.toml", f"[[strategies]]\n{row}")
    assert any("parameters" in key for key in keys)
    rename = f'[[renames]]\nold = "SOL"\nnew = "SOLX"\ncutover = 2024-09-13\nratio = {number}'
    assert any(key.endswith(".ratio") for key in changed(config_dir, "universe.toml", rename))
    quoted = rename.replace(f"ratio = {number}", f'ratio = "{number}"')
    assert any(key.endswith(".ratio") for key in changed(config_dir, "universe.toml", quoted))
    for name in numeric(Limits):
        (config_dir / "shadow.toml").write_text(f"[limits]\n{name} = {number}\n")
        assert any(name in fault.key for fault in faults_of(config_dir)), name


@pytest.mark.parametrize("name", sorted({*numeric(SimulatorFault), *numeric(ScriptedFault), "after_seconds"}))
def test_a_fault_of_the_simulator_refuses_them_by_name(name: str, tmp_path: Path) -> None:
    for number in ("nan", "inf", "-inf", "1e300", "-1e300", "9" * 400):
        script = tmp_path / "faults.toml"
        script.write_text(f'[[faults]]\nfault = "drop"\n{name} = {number}\n')
        with pytest.raises(ValueError, match=rf"{name}|[Ii]nteger"):
            read_script(script)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_name_that_cannot_be_seen_for_what_it_is_is_refused(hostile: str, config_dir: Path) -> None:
    if hostile == HOSTILE["markup"]:
        pytest.skip("it can be seen")
    quoted = msgspec.json.encode(hostile).decode().replace("\x7f", "\\u007f")
    row = ROW.replace('"x"', quoted, 1)
    keys = changed(config_dir, "strategies.toml", f"[[strategies]]\n{row}")
    assert any(key.endswith("].name") for key in keys)
    keys = changed(config_dir, "phases.toml", f"[[phases]]\nname = {quoted}\nscale = 1\n")
    assert any(key.endswith("].name") for key in keys)
    assert faults_of(SHIPPED, {"HEATSINK_PORTFOLIO__NAME": hostile})


# --- names ------------------------------------------------------------------------------------------------------------


def patterned(kind: inspect.Type, place: str, seen: set[type[Any]]) -> Iterator[tuple[str, inspect.StrType]]:
    """Every text of a type that has a form."""
    match kind:
        case inspect.StrType() if kind.pattern:
            yield place, kind
        case inspect.StructType() if kind.cls not in seen:
            seen.add(kind.cls)
            for field in kind.fields:
                yield from patterned(field.type, f"{kind.cls.__name__}.{field.name}", seen)
        case inspect.UnionType():
            for each in kind.types:
                yield from patterned(each, place, seen)
        case inspect.VarTupleType() | inspect.ListType():
            yield from patterned(kind.item_type, place, seen)
        case inspect.DictType():
            yield from patterned(kind.key_type, place, seen)
            yield from patterned(kind.value_type, place, seen)


def test_every_form_of_a_name_ends_where_the_name_ends() -> None:
    """``$`` stands before a last line feed, too."""
    kinds: list[type[Message | Any]] = [kind for topic in CATALOGUE for kind in topic.messages]
    seen: set[type[Any]] = set()
    found = [form for kind in (*kinds, model.Settings) for form in patterned(inspect.type_info(kind), "", seen)]
    assert len(found) > 50
    for place, form in found:
        assert form.pattern is not None
        assert form.pattern.endswith(r"\Z"), place


def test_no_pattern_of_the_source_ends_with_a_dollar() -> None:
    endings = re.compile(r"""(?<![{\\"'])\$(\)|\||\?)*["'][,)\]\s]""")
    looked_at = 0
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "re." in line or "pattern" in line:
                looked_at += 1
                assert not endings.search(line), f"{path}: {line}"
    assert looked_at > 50
