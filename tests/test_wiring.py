"""The table of services: it has every folder, its rows are what the services are, and names stand nowhere else."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from services.ops.figures import EXPECTED
from services.wiring import BY_NAME, EXCHANGE_SIM, OPS, SERVICES, ServiceRow, machine_specs, services_with
from shared.adapters.clocks import ManualClock
from shared.messages.catalogue import CATALOGUE
from tests.shipped import shipped_settings

ROOT = Path(__file__).parents[1]
NAMES = set(BY_NAME)
# Where a word that is a service's name is something else.
OTHER_WORDS = {
    "services/cli/up/summary.py": {"signals"},  # a row of the summary: how many there were
    "services/users.py": {"signals"},  # what a client may send
    "shared/domain/plan.py": {"signals"},  # the same
    "shared/config/load.py": {"market_data", "ops", "sizing"},  # sections of the TOML files
    "shared/messages/catalogue.py": NAMES,  # who writes each topic: see the test below
    "shared/messages/halts.py": {"risk"},  # the gate as the author of a halt, on the wire
    "shared/domain/sizing/pairs.py": {"signals"},  # the latest ones of a pair
    "shared/domain/risk": {"risk"},  # the same, where halts and steps of the ramp are made
}


@pytest.fixture(params=SERVICES, ids=[row.name for row in SERVICES])
def row(request: pytest.FixtureRequest) -> ServiceRow:
    found: ServiceRow = request.param
    return found


# --- the rows ---------------------------------------------------------------------------------------------------------


def test_every_folder_with_a_service_is_in_the_table_and_nothing_else_is() -> None:
    assert {path.parent.name for path in (ROOT / "services").glob("*/service.py")} == NAMES
    assert len(BY_NAME) == len(SERVICES)


def test_a_service_can_be_run_by_its_module_and_calls_itself_by_its_name(row: ServiceRow) -> None:
    assert (ROOT / row.module.replace(".", "/") / "__main__.py").is_file()
    assert import_module(f"{row.module}.service").SERVICE.name == row.name


def test_a_row_says_whether_the_service_is_a_machine(row: ServiceRow) -> None:
    assert hasattr(import_module(f"{row.module}.service"), "spec_of") is row.machine
    if row.machine:
        assert row.spec(shipped_settings(), ManualClock()).service == row.name
    else:
        with pytest.raises(ValueError, match=f"{row.name} is not a machine"):
            row.spec(shipped_settings(), ManualClock())


def test_what_belongs_to_the_market_has_its_state_outside_of_any_portfolio(row: ServiceRow) -> None:
    if row.machine:
        settings = shipped_settings()
        assert (row.spec(settings, ManualClock()).home == settings.keys.home) is (row.scope == "portfolio")


def test_a_stack_ends_against_the_order_in_which_it_answers() -> None:
    """Each stage once: what trades, in the order of its messages; what only listens to it; the exchange."""
    by_stage = [row.name for row in sorted(SERVICES, key=lambda row: -row.stage)]
    trading = ["market_data", "signals", "sizing", "risk", "execution"]
    assert by_stage[: len(trading)] == trading
    assert OPS in by_stage[len(trading) : -1]
    assert by_stage[-1] == EXCHANGE_SIM
    assert sorted(row.stage for row in SERVICES) == list(range(1, len(SERVICES) + 1))


def test_the_machines_of_a_stack_take_turns_and_execution_meets_the_market_first() -> None:
    specs = machine_specs(shipped_settings(), ManualClock())
    assert [spec.service for spec in specs] == ["execution", "risk", "signals", "sizing"]
    assert {spec.service for spec in specs} == {row.name for row in SERVICES if row.machine}


def test_the_simulated_exchange_runs_only_where_it_is_the_exchange() -> None:
    assert {row.name for row in services_with("sim")} == NAMES
    assert {row.name for row in services_with("binance")} == NAMES - {EXCHANGE_SIM}


def test_ops_expects_every_service_of_either_exchange_but_itself() -> None:
    assert set(EXPECTED) == NAMES - {EXCHANGE_SIM, OPS}


# --- where names stand ------------------------------------------------------------------------------------------------


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The service names among the string literals of a file, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES:
            yield node.lineno, node.value


def test_no_service_is_named_in_code_but_in_the_table() -> None:
    found = []
    for path in [*(ROOT / "services").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        name = path.relative_to(ROOT).as_posix()
        allowed = {word for place, words in OTHER_WORDS.items() if name.startswith(place) for word in words}
        if name != "services/wiring.py":
            found += [f"{name}:{line}: {word}" for line, word in literals(path) if word not in allowed]
    assert found == []


def test_every_writer_that_the_catalogue_names_is_a_service_a_client_or_an_operator() -> None:
    writers = {writer for topic in CATALOGUE for writer in topic.written_by.split(", ")}
    assert writers - NAMES == {"clients", "operators", "every consumer"}


@pytest.mark.processes
def test_the_table_by_itself_imports_no_service_and_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import services.wiring\n"
        "mine = {name for name in sys.modules if name.startswith(('services.', 'shared.'))}\n"
        "print(sorted(mine - {'services.wiring'}))\n"
        "heavy = {'ccxt', 'pyarrow', 'numpy', 'aiohttp', 'redis', 'structlog', 'asyncio.subprocess', 'msgspec'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["[]", "[]"]
