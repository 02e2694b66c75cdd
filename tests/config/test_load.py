"""Reading the configuration: what is right comes through, and everything that is wrong is named at once."""

import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from shared.config.faults import ConfigError
from shared.config.load import FILES, HOMES, SECTIONS, default_config_dir, load_settings
from shared.config.model import Settings
from shared.domain.plan import ClientPlan, PhasePlan, StrategyTable
from tests.config.wrong_settings import faults_of, the_fault
from tests.shipped import SHIPPED

Edit = Callable[[str, str, str], None]


@pytest.fixture
def edit(config_dir: Path) -> Edit:
    """``edit(file, old, new)`` replaces text that must be there exactly once."""

    def change(name: str, old: str, new: str) -> None:
        path = config_dir / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))

    return change


def test_the_shipped_files_hold_the_defaults_of_the_code() -> None:
    settings = load_settings(SHIPPED, {})
    began = msgspec.structs.replace(settings.simulator, start="")  # the shipped market begins on a chosen day
    assert msgspec.structs.replace(settings, simulator=began) == Settings(universe=settings.universe)
    assert len(settings.universe.pairs) == 38
    assert sum(pair.assumed for pair in settings.universe.pairs) == 8
    assert settings.universe.sector_of("POL/USDT") == "Layer 2"
    assert settings.universe.renames[0].ratio == Decimal(1)


def test_the_shipped_files_show_every_key_there_is() -> None:
    """Somebody who reads the files sees all that can be set, and what it is."""
    documents = {name: tomllib.loads((SHIPPED / name).read_text()) for name in FILES}
    for section, kind in SECTIONS.items():
        assert sorted(documents[HOMES[section]][section]) == sorted(kind.__struct_fields__), section
    for rows, row in (("phases", PhasePlan), ("strategies", StrategyTable)):
        shown = {key for each in documents[HOMES[rows]][rows] for key in each}
        shown |= set(re.findall(r"^# (\w+) = ", (SHIPPED / HOMES[rows]).read_text(), re.MULTILINE))
        assert shown == set(row.__struct_fields__), rows
    client = (SHIPPED / "stack.toml").read_text().partition("\n# [clients.ana]\n")[2]
    assert re.findall(r"^# (\w+) = ", client, re.MULTILINE) == list(ClientPlan.__struct_fields__)


def test_the_environment_wins_over_the_files() -> None:
    environ = {
        "HEATSINK_REDIS__URL": "redis://elsewhere:7000/3",
        "HEATSINK_LIMITS__HEAT": "0.06",
        "HEATSINK_SIMULATOR__SEED": "11",
        "HEATSINK_PHASE": "live",
        "HEATSINK_CONFIG_DIR": "ignored here",
        "PATH": "/bin",
    }
    settings = load_settings(SHIPPED, environ)
    assert settings.redis.url == "redis://elsewhere:7000/3"
    assert settings.plan.limits.heat == 0.06
    assert settings.simulator.seed == 11
    assert settings.plan.phase == "live"
    assert settings.plan.limits.pair_cap_nav == 0.05


def test_variables_that_kubernetes_sets_for_a_service_of_our_name_are_left_alone() -> None:
    environ = {"HEATSINK_REDIS_PORT": "tcp://10.0.0.1:6379", "HEATSINK_OPS_PORT": "tcp://10.0.0.2:9090"}
    assert load_settings(SHIPPED, environ).ops.port == 9090


def test_the_config_folder_is_named_by_the_environment_or_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert default_config_dir({"HEATSINK_CONFIG_DIR": "/etc/heatsink"}) == Path("/etc/heatsink")
    monkeypatch.chdir(tmp_path)
    assert default_config_dir({}) == SHIPPED
    (tmp_path / "deploy" / "config").mkdir(parents=True)
    assert default_config_dir({}) == Path("deploy/config")


# file, what to replace, with what; then key, value and part of the problem and of the remedy
VALUES = [
    ("limits.toml", "heat = 0.08", "heat = 8", "limits.heat", "8", "above 0 and at most 1", "write 0.08 for 8 %"),
    ("limits.toml", "heat = 0.08", "heat = 0", "limits.heat", "0", "above 0", "the default is 0.08"),
    ("limits.toml", "heat = 0.08", 'heat = "0.08"', "limits.heat", '"0.08"', "a number", "without quotes: 0.08"),
    ("limits.toml", "heat = 0.08", "heat = nan", "limits.heat", "nan", "above 0", "at most 1"),
    ("limits.toml", "heat = 0.08", "heat = true", "limits.heat", "true", "a number", "a number"),
    (
        "limits.toml",
        "mark_age_seconds = 5.0",
        "mark_age_seconds = inf",
        "limits.mark_age_seconds",
        "inf",
        "above 0 and at most 1000000000000",
        "5",
    ),
    ("limits.toml", "heat = 0.08", "heet = 0.08", "limits.heet", "0.08", "no such key", 'Did you mean "heat"?'),
    ("limits.toml", "atr_days = 10", "atr_days = 10.5", "sizing.atr_days", "10.5", "a whole number", "at least 1"),
    ("limits.toml", "atr_floor = 0.01", "atr_floor = 1.0", "limits.atr_floor", "1.0", "leaves no size", "0.01"),
    ("limits.toml", "pair_cap_nav = 0.05", "pair_cap_nav = 0.3", "limits.pair_cap_nav", "0.3", "whole sector", "Lower"),
    ("limits.toml", "risk = 0.005", "risk = 0.09", "limits.equity_at_risk", "0.09", "whole portfolio may", "Lower"),
    (
        "limits.toml",
        "min_history_days = 60",
        "min_history_days = 15",
        "sizing.min_history_days",
        "15",
        "20 daily",
        "20",
    ),
    ("stack.toml", "warmup_days = 90", "warmup_days = 60", "", "", "", ""),
    ("phases.toml", "scale = 2.0", "scale = 20.0", "phases[2].scale", "20.0", "one trade would risk 0.1", "16 or less"),
    ("phases.toml", 'phase = "dry_run"', 'phase = "dryrun"', "phase", '"dryrun"', "no phase", 'mean "dry_run"?'),
    ("phases.toml", 'phase = "dry_run"', "", "phase", "", 'the key "phase" is missing', 'Add phase = "dry_run".'),
    ("phases.toml", 'name = "scaled"', 'name = "live"', "phases[2].name", '"live"', "a second phase", "Rename"),
    ("phases.toml", "scale = 2.0", "", "phases[2].scale", "", 'the key "scale" is missing', "Add scale"),
    ("phases.toml", "paper = true", 'paper = "yes"', "phases[0].paper", '"yes"', "true or false", "default is false"),
    (
        "strategies.toml",
        'kind = "momentum"',
        'kind = "momentun"',
        "strategies[1].kind",
        '"momentun"',
        "no such",
        "momentum",
    ),
    (
        "strategies.toml",
        'name = "momentum"',
        'name = "donchian"',
        "strategies[1].name",
        '"donchian"',
        "second",
        "Rename",
    ),
    ("strategies.toml", '"15m"', '"15 min"', "strategies[1].timeframe", '"15 min"', "not a timeframe", "15m, 30m"),
    ("strategies.toml", '"15m"', '"7m"', "strategies[1].timeframe", '"7m"', "no bars of this length", "15m, 30m"),
    (
        "strategies.toml",
        '"15m"\nweight = 0.5',
        '"15m"\nweight = 0.75',
        "strategies[].weight",
        '"0.5 + 0.75"',
        "1.25",
        "Lower",
    ),
    ("strategies.toml", "{ fast = 20, slow = 80 }", "20", "strategies[1].parameters", "20", "a table", "{ entry"),
    (
        "universe.toml",
        'Meme = ["DOGE", "SHIB"]',
        'Meme = ["DOGE", "BTC"]',
        "sectors.Meme[1]",
        '"BTC"',
        "two sectors",
        "one",
    ),
    (
        "universe.toml",
        'Meme = ["DOGE", "SHIB"]',
        'Meme = ["DOGE", "DOGE"]',
        "sectors.Meme[1]",
        '"DOGE"',
        "twice",
        "one",
    ),
    (
        "universe.toml",
        'Meme = ["DOGE", "SHIB"]',
        'Meme = ["doge/usdt"]',
        "sectors.Meme[0]",
        '"doge/usdt"',
        "coin",
        '"DOGE"',
    ),
    ("universe.toml", 'Meme = ["DOGE", "SHIB"]', 'Meme = "DOGE"', "sectors.Meme", '"DOGE"', "list of coins", "ETH"),
    (
        "universe.toml",
        'Meme = ["DOGE", "SHIB"]',
        'Meme = ["USDT"]',
        "sectors.Meme[0]",
        '"USDT"',
        "against itself",
        "Remove",
    ),
    ("universe.toml", 'quote = "USDT"', "quote = 1", "quote", "1", "not the name of a coin", '"USDT"'),
    ("universe.toml", 'quote = "USDT"', 'qoute = "USDT"', "qoute", '"USDT"', "no such key", 'Did you mean "quote"?'),
    (
        "universe.toml",
        '"LTC", "MATIC"]',
        '"LTC", "MATICS"]',
        "assumed.pairs[7]",
        '"MATICS"',
        "not in any sector",
        "MATIC",
    ),
    ("universe.toml", 'old = "FTM"', 'old = "FTX"', "renames[1].old", '"FTX"', "not in the universe", "add it to"),
    ("universe.toml", 'new = "S"', 'new = "FTM"', "renames[1].new", '"FTM"', "the new name is the old one", "Write"),
    ("universe.toml", 'new = "S"', 'new = "ETH"', "renames[1].new", '"ETH"', "one asset", "Remove"),
    ("universe.toml", "cutover = 2025-01-16", 'cutover = "soon"', "renames[1].cutover", '"soon"', "date", "2024-09-13"),
    (
        "universe.toml",
        '2025-01-16\nratio = "1"',
        '2025-01-16\nratio = "0"',
        "renames[1].ratio",
        '"0"',
        "above 0",
        "new units",
    ),
    (
        "universe.toml",
        'old = "FTM"\nnew = "S"',
        'old = "QQQQ"\nnew = "XYZ"',
        "renames[1].old",
        '"QQQQ"',
        "not in",
        "Add",
    ),
    (
        "stack.toml",
        'kind = "sim"',
        'kind = "binence"',
        "exchange.kind",
        '"binence"',
        '"binance" or "sim"',
        'mean "binance"?',
    ),
    (
        "stack.toml",
        '"redis://127.0.0.1:6379/0"',
        '"127.0.0.1:6379"',
        "redis.url",
        '"127.0.0.1:6379"',
        "address",
        "redis://",
    ),
    ("stack.toml", '"http://127.0.0.1:9080"', '"sim"', "exchange.url", '"sim"', "not a usable address", "http://"),
    ("stack.toml", "port = 9090", "port = 9080", "ops.port", "9080", "same port", "9090"),
    ("stack.toml", "port = 9090", "port = 90900", "ops.port", "90900", "at most 65535", "9090"),
    ("stack.toml", 'name = "main"', 'name = "Main!"', "portfolio.name", '"Main!"', "of the form", "main"),
    (
        "stack.toml",
        'start = "2026-05-04"',
        'start = "1.11.2022"',
        "simulator.start",
        '"1.11.2022"',
        "not a date",
        "2022-11-01",
    ),
    ("stack.toml", "[ops]", "[opps]", "opps", "", "no such section", 'Did you mean "ops"?'),
    ("stack.toml", "[ops]", "[limits]\n[ops]", "limits", "", "no such section", "[limits] belongs in limits.toml"),
    ("stack.toml", "[ops]", "[limit]\n[ops]", "limit", "", "no such section", '"limits"? It belongs in limits.toml'),
]


@pytest.mark.parametrize(("file", "old", "new", "key", "value", "problem", "remedy"), VALUES)
def test_a_wrong_value_is_named_with_file_key_value_problem_and_remedy(
    config_dir: Path, edit: Edit, file: str, old: str, new: str, key: str, value: str, problem: str, remedy: str
) -> None:
    edit(file, old, new)
    if not key:
        load_settings(config_dir, {})
        return
    fault = the_fault(config_dir)
    assert fault.file == str(config_dir / file)
    assert (fault.key, fault.value) == (key, value)
    assert problem in fault.problem
    assert remedy in fault.remedy


VARIABLES = [
    ("HEATSINK_LIMITS__HEAT", "8", "above 0 and at most 1", "write 0.08 for 8 %"),
    ("HEATSINK_LIMITS__HEAT", "a lot", "a number", "default is 0.08"),
    ("HEATSINK_LIMITS__HEAT", "nan", "above 0", "default is 0.08"),
    ("HEATSINK_REDIS__URI", "redis://x", "no such setting", "HEATSINK_REDIS__URL"),
    ("HEATSINK_RADIS__URL", "redis://x", "no such setting", "HEATSINK_REDIS__URL"),
    ("HEATSINK_HEAT", "0.1", "no such setting", '"HEATSINK_LIMITS__HEAT"?'),
    ("HEATSINK_SEEED", "3", "no such setting", '"HEATSINK_SIMULATOR__SEED"?'),
    ("HEATSINK_EXCHANGE__SEED", "3", "no such setting", '"HEATSINK_SIMULATOR__SEED"?'),
    ("HEATSINK_PORT", "3", "no such setting", '"HEATSINK_SIMULATOR__PORT" or "HEATSINK_OPS__PORT"?'),
    ("HEATSINK_NOTHING_LIKE_IT", "3", "no such setting", "settings are named"),
    ("HEATSINK_BREAKERS__OFF", '["gap","liquidity"]', "a list of", "Write it with commas: gap,liquidity."),
    ("HEATSINK_BREAKERS__OFF", "['gap', 'liquidty']", "a list of", 'Did you mean "liquidity"?'),
    ("HEATSINK_BREAKERS__OFF", "[]", "a list of", "Leave it empty"),
    ("HEATSINK_REDIS_URL", "redis://x", "one underscore", "HEATSINK_REDIS__URL"),
    ("HEATSINK_REDIS__URL", "http://x", "not a usable address", "redis://"),
    ("HEATSINK_PHASE", "scale", "no phase of this name", "scaled"),
    ("HEATSINK_EXCHANGE__KIND", "kraken", '"binance" or "sim"', "binance, sim"),
    ("HEATSINK_MARKET_DATA__WARMUP_DAYS", "61.5", "a whole number", "default is 90"),
    ("HEATSINK_LIMITS__PAIR_CAP_NAV", "0.5", "whole sector", "sector_cap_nav"),
]


@pytest.mark.parametrize(("name", "text", "problem", "remedy"), VARIABLES)
def test_a_wrong_variable_is_named_as_one(name: str, text: str, problem: str, remedy: str) -> None:
    fault = the_fault(SHIPPED, {name: text})
    assert (fault.file, fault.key) == ("environment", name)
    assert fault.value == (text if fault.value == text else f'"{text}"')
    assert problem in fault.problem
    assert remedy in fault.remedy


def test_daily_history_shorter_than_a_size_needs_is_a_fault(config_dir: Path, edit: Edit) -> None:
    edit("limits.toml", "min_history_days = 60", "min_history_days = 120")
    fault = the_fault(config_dir)
    assert (fault.key, fault.value) == ("market_data.warmup_days", "90")
    assert "120 or more" in fault.remedy


def test_a_replay_that_is_gone_and_has_no_date_is_two_faults(config_dir: Path, edit: Edit) -> None:
    edit("stack.toml", 'replay = ""', 'replay = "gone.parquet"')
    edit("stack.toml", 'start = "2026-05-04"', 'start = ""')
    problems = [fault.problem for fault in faults_of(config_dir)]
    assert problems == ["no such file", "a replay needs the date at which it begins"]


@pytest.mark.parametrize("key", ["REPLAY", "FAULTS"])
def test_a_path_that_cannot_be_looked_at_is_a_fault_like_one_that_leads_nowhere(key: str) -> None:
    environ = {f"HEATSINK_SIMULATOR__{key}": "x" * 300, "HEATSINK_SIMULATOR__START": "2022-11-01"}
    assert the_fault(SHIPPED, environ).problem == "no such file"
    assert [fault.problem for fault in faults_of(Path("x" * 300))] == ["no such folder"]


@pytest.mark.parametrize("text", ["x = " + "[" * 5_000, "x = " + "9" * 5_000])
def test_a_file_that_its_reader_gives_up_on_is_a_fault(config_dir: Path, text: str) -> None:
    for name in ("limits.toml", "shadow.toml"):
        (config_dir / name).write_text(text, encoding="utf-8")
    faults = {Path(fault.file).name: fault.problem for fault in faults_of(config_dir)}
    assert all(faults[name].startswith("not TOML: ") for name in ("limits.toml", "shadow.toml"))


def test_a_strategy_that_needs_more_history_than_is_loaded_is_a_fault(config_dir: Path, edit: Edit) -> None:
    edit("stack.toml", "warmup_bars = 200", "warmup_bars = 50")
    fault = faults_of(config_dir)[-1]
    assert (fault.key, fault.value) == ("market_data.warmup_bars", "50")
    assert fault.file.endswith("stack.toml")
    assert "momentum" in fault.problem


def test_every_wrong_parameter_of_a_strategy_is_named(config_dir: Path, edit: Edit) -> None:
    edit("strategies.toml", "{ entry = 20, exit = 10 }", "{ entry = 0, exits = 10 }")
    faults = {fault.key: fault for fault in faults_of(config_dir)}
    assert set(faults) == {"strategies[0].parameters.entry", "strategies[0].parameters.exits"}
    assert "knows entry" in faults["strategies[0].parameters.exits"].remedy


def test_a_pair_renamed_twice_is_a_fault(config_dir: Path) -> None:
    with (config_dir / "universe.toml").open("a") as file:
        file.write('[[renames]]\nold = "POL"\nnew = "MATIC"\ncutover = 2026-01-01\n')
    faults = faults_of(config_dir)
    assert {fault.key for fault in faults} == {"renames[2]"}
    assert "a second time" in faults[0].problem


def test_a_missing_file_and_a_misnamed_one_are_both_named(config_dir: Path) -> None:
    (config_dir / "limits.toml").rename(config_dir / "limit.toml")
    missing, stray = faults_of(config_dir)
    assert missing.file.endswith("limits.toml")
    assert "missing" in missing.problem
    assert stray.file.endswith("limit.toml")
    assert stray.remedy == 'Did you mean "limits.toml"?'


def test_a_missing_folder_is_one_fault_with_the_way_to_name_it(tmp_path: Path) -> None:
    fault = the_fault(tmp_path / "nowhere")
    assert fault.problem == "no such folder"
    assert "HEATSINK_CONFIG_DIR" in fault.remedy


def test_a_file_that_is_no_toml_is_named_with_the_line(config_dir: Path, edit: Edit) -> None:
    edit("stack.toml", "weight_per_minute = 6000", "weight_per_minute = = 6000")
    fault = the_fault(config_dir)
    assert fault.file.endswith("stack.toml")
    assert "line 15" in fault.problem


def test_a_file_that_is_no_text_is_named(config_dir: Path) -> None:
    (config_dir / "stack.toml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in the_fault(config_dir).remedy


def test_faults_of_all_files_and_of_the_environment_come_at_once(config_dir: Path, edit: Edit) -> None:
    edit("limits.toml", "heat = 0.08", "heat = 8")
    edit("limits.toml", "fee = 0.001", "fees = 0.001")
    edit("phases.toml", "scale = 2.0", 'scale = "two"')
    edit("strategies.toml", 'kind = "momentum"', 'kind = "momentun"')
    edit("stack.toml", "port = 9090", "port = -1")
    edit("universe.toml", 'quote = "USDT"', 'quote = "usdt"')
    faults = faults_of(config_dir, {"HEATSINK_REDIS__URI": "x", "HEATSINK_OPS__HSOT": "y"})
    assert {fault.key for fault in faults} == {
        "limits.heat",
        "costs.fees",
        "phases[2].scale",
        "strategies[1].kind",
        "ops.port",
        "quote",
        "HEATSINK_REDIS__URI",
        "HEATSINK_OPS__HSOT",
    }
    assert len({fault.file for fault in faults}) == 6


def test_values_of_a_section_are_checked_together_although_one_of_them_is_unreadable(
    config_dir: Path, edit: Edit
) -> None:
    edit("stack.toml", "speed = 60.0", "speed = -3")
    edit("stack.toml", 'replay = ""', 'replay = "gone.parquet"')
    edit("stack.toml", 'start = "2026-05-04"', 'start = "1.11.2022"')
    edit("limits.toml", "sector_cap_nav = 0.25", 'sector_cap_nav = "0.4"')
    edit("limits.toml", "pair_cap_nav = 0.05", "pair_cap_nav = 0.3")
    keys = {fault.key for fault in faults_of(config_dir)}
    assert keys == {"simulator.speed", "simulator.replay", "simulator.start", "limits.sector_cap_nav"}


def test_the_error_reads_as_a_list_with_one_line_for_each_fault(config_dir: Path, edit: Edit) -> None:
    edit("limits.toml", "heat = 0.08", "heat = 8")
    edit("stack.toml", "port = 9090", "port = -1")
    with pytest.raises(ConfigError) as caught:
        load_settings(config_dir, {})
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 faults in the configuration:"
    assert lines[1].endswith(
        "limits.toml: limits.heat = 8: expected a number above 0 and at most 1. "
        "A fraction is expected: write 0.08 for 8 %."
    )


def test_an_empty_universe_is_a_fault(config_dir: Path) -> None:
    (config_dir / "universe.toml").write_text('quote = "USDT"\n')
    assert "no pair to trade" in the_fault(config_dir).problem


def test_tables_of_the_wrong_shape_are_faults_and_no_crash(config_dir: Path) -> None:
    (config_dir / "universe.toml").write_text("sectors = 3\nassumed = 4\nrenames = 5\n")
    (config_dir / "limits.toml").write_text("limits = 1\ncosts = [1]\n[sizing]\n")
    (config_dir / "phases.toml").write_text("phase = 2\nphases = [1, 2]\n")
    (config_dir / "strategies.toml").write_text("[strategies]\nname = 1\n")
    (config_dir / "stack.toml").write_text("redis = 6379\n")
    keys = {fault.key for fault in faults_of(config_dir)}
    assert keys == {"sectors", "assumed.pairs", "renames", "limits", "costs", "phases", "strategies", "redis"}


def test_sections_left_out_take_their_defaults(config_dir: Path) -> None:
    (config_dir / "stack.toml").write_text("")
    (config_dir / "limits.toml").write_text("")
    settings = load_settings(config_dir, {})
    assert settings == Settings(universe=settings.universe)
