"""What ``heatsink config check`` calls sound starts: each machine, and the exchange. What is not sound has a remedy."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from services.exchange_sim.market.factors import FIRST_DAY
from services.exchange_sim.market.generated import HISTORY_DAYS
from shared.config.faults import ConfigError, Fault
from shared.config.load import SECTIONS, load_settings
from shared.config.model import GENERATED_SINCE, Settings
from shared.config.preflight import start_faults
from shared.domain.timeframes import DAY_NS, iso_ns
from tests.config.starting import started
from tests.config.wrong_settings import the_fault
from tests.examples import examples, mostly
from tests.shipped import SHIPPED

UNIVERSE = """
quote = "USDT"
[sectors]
Majors = ["BTC", "ETH"]
"Layer 2" = ["MATIC"]
[[renames]]
old = "MATIC"
new = "POL"
cutover = 2024-09-13
"""


def usual_of(field: inspect.Field) -> list[str]:
    """What a setting may well be: its default, half and twice as much, and its bounds."""
    match field.type:
        case inspect.BoolType():
            return ["true", "false"]
        case inspect.LiteralType():
            return [str(value) for value in field.type.values]
        case inspect.IntType():
            values = (field.default, field.default * 2, field.default // 2, field.type.ge, field.type.le)
            return [str(value) for value in values if value is not None]
        case inspect.FloatType():
            values = (field.default, field.default * 2, field.default / 2, field.type.ge, field.type.le)
            return [str(value) for value in values if value is not None]
        case inspect.StrType():
            return [field.default]
        case _:
            return [",".join(field.default), "gap", "gap,heat"]


USUAL = {
    f"HEATSINK_{section}__{field.name}".upper(): usual_of(field)
    for section, kind in sorted(SECTIONS.items())
    for field in cast("inspect.StructType", inspect.type_info(kind)).fields
}
KEYS = sorted(USUAL)
NUMBERS = (
    "-1", "0", "1e-320", "1e-12", "0.005", "0.25", "1", "2", "3", "20", "60", "90", "1000", "65535", "65536", "1e6",
    "4294967296", "1e12", "1e18", "9223372036854775808", "1e300", "inf", "nan", "-0.0", "1_0", "1.5", "", "one",
)  # fmt: skip
TEXTS = (
    "", " ", "mine", "mine\n", "Mine", "x" * 33, "\udc80", "\u202e", "é", "BTC/USDT", "ETH/USDT\n", "0.0.0.0", "::1",
    "redis://host/abc", "redis://host/1?db=x", "redis://host?x=1", "redis://[::1]:6379/2", "redis://:p%40ss@host/0",
    "rediss://host/0?ssl_cert_reqs=none", "unix:///tmp/redis.sock?db=1", "unix://", "redis://host:0/", "redis:///0",
    "redis://host/0#1", "http://host:9080", "http://host:9080/", "http://host:9080/api?x", "http://ho st", "http://[::1",
    "2016-12-31", "2017-04-30", "2017-05-01", "2022-11-01T12:30", "2100-01-01", "2100-01-02", "2262-04-11", "soon",
    "9999-12-31", "0001-01-01", "2022-11-01T00:00:00-23:59", "1970-01-01", "gap", "gap,heat", "gap, gaps", "[]", "true",
    "binance", "sim", "paper", "debug", "json",
)  # fmt: skip
VARIABLES = mostly(
    st.sampled_from(KEYS).flatmap(lambda key: st.tuples(st.just(key), st.sampled_from(USUAL[key]))),
    st.tuples(st.sampled_from(KEYS), st.sampled_from(NUMBERS + TEXTS)),
)


def folder_with(folder: Path, universe: str = UNIVERSE, **more: str) -> Path:
    """The shipped configuration with a small universe; more: text added to files, by their names without an ending."""
    folder = Path(copytree(SHIPPED, folder / "config"))
    (folder / "universe.toml").write_text(universe)
    for name, text in more.items():
        with (folder / f"{name}.toml").open("a") as file:
            file.write(text)
    return folder


def sound(folder: Path, environ: Mapping[str, str] | None = None) -> Settings | None:
    """The settings as ``config check`` reads them; None when they are refused, each fault with all it takes."""
    settings = None
    try:
        settings = load_settings(folder, environ or {})
        faults: Sequence[Fault] = start_faults(settings)
    except ConfigError as error:
        faults = error.faults
    for fault in faults:
        assert fault.file
        assert fault.key or not fault.value
        assert fault.problem
        assert fault.remedy.endswith((".", "?"))
    return None if faults else settings


@given(environ=st.lists(VARIABLES, max_size=3).map(dict))
@examples(200)
def test_whatever_variables_are_called_sound_a_stack_starts_on_them(environ: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        settings = sound(folder_with(Path(place)), environ)
        if settings is not None:
            started(settings)


COINS = mostly(
    st.sampled_from(("MATIC", "FTM", "SOL", "A", "X" * 15)),
    st.sampled_from(("BTC", "POL", "USDT", "X" * 16, "S\n", "é", "")),
)
NAMES = mostly(
    st.sampled_from(("soak", "fourth", "x" * 64)),
    st.sampled_from(("soak", "dry_run", "x" * 65, "", "a\nb", "\u202e", "phase four", "é")),
)
RATIOS = mostly(
    st.sampled_from(("1", "0.001", "1000")), st.sampled_from(("0", "-1", "NaN", "Infinity", "1E+500", "1E-500", "1E-8"))
)
DAYS = mostly(st.just(date(2024, 9, 13)), st.sampled_from((date(1, 1, 1), date(1970, 12, 31), date(9999, 12, 31))))
ROWS = st.fixed_dictionaries(
    {
        "old": mostly(st.sampled_from(("BTC", "ETH")), COINS),
        "new": mostly(st.sampled_from(("POL", "S")), COINS),
        "cutover": DAYS,
    },
    optional={"ratio": RATIOS},
)
PHASES = st.fixed_dictionaries(
    {
        "name": NAMES,
        "scale": mostly(st.sampled_from((4.0, 16.0)), st.sampled_from((1e-320, 0.001, 17.0, 1e300))),
        "from_day": mostly(st.sampled_from((60, 90, 10**4)), st.sampled_from((0, 1, 10**6, 10**9, 10**20))),
    },
    optional={"paper": st.booleans()},
)


def as_toml(value: object) -> str:
    """As it stands in a file; a date without quotes."""
    match value:
        case dict():
            return f"{{ {', '.join(f'{json.dumps(key)} = {as_toml(each)}' for key, each in value.items())} }}"
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case date():
            return value.isoformat()
        case _:
            return json.dumps(value)


@given(sector=NAMES, coins=st.lists(COINS, max_size=3, unique=True), renames=st.lists(ROWS, max_size=2), phase=PHASES)
@examples(150)
def test_whatever_universe_and_ramp_are_called_sound_a_stack_starts_on_them(
    sector: str, coins: list[str], renames: list[dict[str, object]], phase: dict[str, object]
) -> None:
    sectors = as_toml({"Majors": ["BTC", "ETH"], sector: coins})
    universe = f'quote = "USDT"\nsectors = {sectors}\nrenames = {as_toml(renames)}\n'
    ramp = "\n[[phases]]\n" + "".join(f"{key} = {as_toml(value)}\n" for key, value in phase.items())
    with tempfile.TemporaryDirectory() as place:
        settings = sound(folder_with(Path(place), universe, phases=ramp), {"HEATSINK_RAMP__REHEARSAL": "true"})
        if settings is not None:
            assert started(settings).phase == settings.plan.phases[-1].name


def test_a_fourth_phase_can_be_entered(tmp_path: Path) -> None:
    ramp = '\n[[phases]]\nname = "full"\nscale = 4.0\nfrom_day = 120\n'
    settings = sound(folder_with(tmp_path, phases=ramp), {"HEATSINK_RAMP__REHEARSAL": "true"})
    assert settings is not None
    assert started(settings).phase == "full"


def test_the_generated_market_is_refused_before_it_has_all_of_its_history() -> None:
    assert iso_ns(GENERATED_SINCE) == (FIRST_DAY + HISTORY_DAYS) * DAY_NS
    fault = the_fault(SHIPPED, {"HEATSINK_SIMULATOR__START": "2016-01-01"})
    assert fault.remedy == "Write a date from 2017-05-01 to 2100-01-01."


@pytest.mark.parametrize(
    ("name", "text", "problem", "remedy"),
    [
        ("HEATSINK_SIMULATOR__SEED", "-1", "a whole number of at least 0", "the default is 7"),
        ("HEATSINK_SIMULATOR__START", "2262-04-11", "no market then", "to 2100-01-01"),
        ("HEATSINK_SIMULATOR__START", "9999-12-31", "no market then", "to 2100-01-01"),
        ("HEATSINK_PORTFOLIO__STARTING_CASH_USDT", "1e18", "at most 1000000000000", "the default is 200000"),
        ("HEATSINK_PORTFOLIO__NAME", "mine\n", "a line break", "Write it without"),
        ("HEATSINK_PORTFOLIO__NAME", "Mine", "of the form ^[a-z0-9_-]+$", "at most 32 characters"),
        ("HEATSINK_LIMITS__HEAT", "\udc80", "a sign that cannot be seen", "Write it without"),
        ("HEATSINK_REDIS__URL", "redis://host/abc", "'abc' is no number of a database", "redis://127.0.0.1:6379/0"),
        ("HEATSINK_REDIS__URL", "redis://host/0?dbs=1", "knows no option 'dbs'", 'Did you mean "db"?'),
        ("HEATSINK_EXCHANGE__URL", "http://host:9080/", "must have none of its own", 'Write "http://host:9080".'),
        ("HEATSINK_OPS__HOST", "", "not the name or address of a host", '"0.0.0.0" for every network'),
        ("HEATSINK_OPS__HOSTS", "ops, box:9090", '"box:9090" is not the name of a host', "no port, no http://, no *"),
        ("HEATSINK_SIMULATOR__HOSTS", "*.lan", '"*.lan" is not the name of a host', "names alone"),
        ("HEATSINK_LIMIT_HEAT", "0.06", "no such setting", 'Did you mean "HEATSINK_LIMITS__HEAT"?'),
        ("HEATSINK_FASE", "live", "no such setting", 'Did you mean "HEATSINK_PHASE"?'),
        ("HEATSINK_X", "1", "no such setting", "Remove it; settings are named"),
        ("heatsink_limits__heat", "0.06", "are capitals", "Write HEATSINK_LIMITS__HEAT."),
        ("HEATSINK_BREAKERS__OFF", "gaps", "a list of day_loss, drawdown", 'Did you mean "gap"?'),
    ],
)
def test_a_variable_that_would_not_run_is_refused_with_its_remedy(
    name: str, text: str, problem: str, remedy: str
) -> None:
    fault = the_fault(SHIPPED, {name: text})
    assert (fault.file, fault.key) == ("environment", name)
    assert problem in fault.problem
    assert remedy in fault.remedy


@pytest.mark.parametrize(("text", "off"), [("gap,heat", ("gap", "heat")), ("gap, heat", ("gap", "heat")), ("", ())])
def test_a_list_in_a_variable_is_names_with_commas_between(text: str, off: tuple[str, ...]) -> None:
    assert load_settings(SHIPPED, {"HEATSINK_BREAKERS__OFF": text}).plan.breakers.off == off


def test_the_names_of_a_server_are_hosts_and_addresses() -> None:
    settings = load_settings(SHIPPED, {"HEATSINK_OPS__HOSTS": "ops box.lan,10.0.0.9 fe80::1 exchange_sim"})
    assert settings.ops.hosts == ("ops", "box.lan", "10.0.0.9", "fe80::1", "exchange_sim")


def test_what_kubernetes_says_of_a_service_called_heatsink_is_no_setting() -> None:
    told = {
        "HEATSINK_SERVICE_HOST": "10.0.0.1",
        "HEATSINK_SERVICE_PORT": "9090",
        "HEATSINK_PORT": "tcp://10.0.0.1:9090",
        "HEATSINK_PORT_9090_TCP_ADDR": "10.0.0.1",
        "HEATSINK_REDIS_SERVICE_HOST": "10.0.0.2",
        "HEATSINK_REDIS_SERVICE_PORT_REDIS": "6379",
        "HEATSINK_REDIS_PORT_6379_TCP": "tcp://10.0.0.2:6379",
    }
    assert load_settings(SHIPPED, told) == load_settings(SHIPPED, {})
