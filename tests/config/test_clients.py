"""``[clients.NAME]``: what is read, and what makes no sense."""

from pathlib import Path

import pytest
from heatsink_client.signing import VARIABLE

from shared.config.environment import CLIENT_KEY
from shared.config.faults import ConfigError
from shared.config.load import load_settings
from shared.config.preflight import start_faults
from shared.domain.plan import SENDABLE, ClientPlan


def write(config_dir: Path, text: str) -> None:
    path = config_dir / "stack.toml"
    path.write_text(path.read_text() + "\n" + text)


def faults_of(config_dir: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(config_dir, {})
    return [str(fault) for fault in caught.value.faults]


def test_clients_are_read_by_their_names(config_dir: Path) -> None:
    text = """
        [clients.ana]
        may = ["orders", "cancels"]
        strategies = ["breakout"]
        pairs = ["BTC/USDT", "ETH/USDT"]
        heat = 0.02
        orders_per_second = 5
        open_orders = 10
        [clients.bob]
    """
    write(config_dir, text)
    assert load_settings(config_dir, {}).plan.clients == {
        "ana": ClientPlan(
            may=("orders", "cancels"), strategies=("breakout",), pairs=("BTC/USDT", "ETH/USDT"), heat=0.02,
            orders_per_second=5, open_orders=10,
        ),
        "bob": ClientPlan(may=SENDABLE),
    }  # fmt: skip


WRONG = [
    ('[clients.Ana]', "clients.Ana", "no name of a client", "such as ana"),
    ("[clients]\nana = 3", "clients.ana = 3", "a table was expected here", "Write a line [clients.ana]"),
    ('[clients.ana]\nheats = 0.1', "clients.ana.heats = 0.1", "no such key", 'Did you mean "heat"?'),
    ("[clients.ana]\nheat = 2", "clients.ana.heat = 2", "at most 1", "write 0.02 for 2 %"),
    ('[clients.ana]\nmay = ["order"]', "clients.ana.may = ['order']", "expected a list of", "orders"),
    ("[clients.ana]\nmay = []", "clients.ana.may", "it may send nothing at all", "Leave out clients.ana"),
    ('[clients.ana]\npairs = ["BTC/USDX"]', 'clients.ana.pairs = "BTC/USDX"', "no pair of the universe", "BTC/USDT"),
    (
        '[clients.ana]\nmay = ["signals"]\nstrategies = ["momentun"]',
        'clients.ana.strategies = "momentun"',
        "no strategy of strategies.toml, so nobody follows its signals",
        'Did you mean "momentum"?',
    ),
    (
        '[clients.ana]\nstrategies = ["a", "b", "a"]',
        'clients.ana.strategies = "a"',
        "it stands there twice",
        "Leave out one",
    ),
    (
        "[clients.ana]\nheat = 0.05\n[clients.bob]\nheat = 0.04",
        'clients.*.heat = "0.05 + 0.04"',
        "clients may take 0.09 together, and limits.heat is 0.08",
        "Lower them, or raise limits.heat",
    ),
    (
        "[clients.ana]\norders_per_second = 51",
        'clients.ana.orders_per_second = "51"',
        "and limits.orders_per_second is 50",
        "Lower them",
    ),
    (
        "[clients.ana]\nopen_orders = 40\n[clients.bob]",
        'clients.ana.open_orders = "40"',
        "nothing is left of limits.max_open_orders (40) for client bob, which names no open_orders",
        "write clients.bob.open_orders",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "problem", "remedy"), WRONG)
def test_what_makes_no_sense_is_named_with_its_remedy(
    config_dir: Path, text: str, place: str, problem: str, remedy: str
) -> None:
    write(config_dir, text)
    [fault] = faults_of(config_dir)
    assert place in fault
    assert problem in fault
    assert remedy in fault


def test_the_strategy_of_an_order_may_have_any_name(config_dir: Path) -> None:
    write(config_dir, '[clients.ana]\nstrategies = ["anything at all"]')
    assert load_settings(config_dir, {}).plan.clients["ana"].strategies == ("anything at all",)


def test_shares_may_add_up_to_the_whole_where_each_client_names_its_own(config_dir: Path) -> None:
    write(config_dir, "[clients.ana]\nheat = 0.05\n[clients.bob]\nheat = 0.03")
    assert sum(each.heat for each in load_settings(config_dir, {}).plan.clients.values()) == pytest.approx(0.08)


def test_clients_that_are_no_table_are_a_fault(config_dir: Path) -> None:
    path = config_dir / "stack.toml"
    path.write_text('clients = "ana"\n' + path.read_text())
    [fault] = faults_of(config_dir)
    assert "a table was expected here" in fault


def test_who_must_sign_is_told_before_the_start_that_nothing_is_signed(config_dir: Path) -> None:
    write(config_dir, "[clients.ana]\nsigned = true\n[clients.bob]")
    settings = load_settings(config_dir, {"HEATSINK_SIGNING__KEYS": "off"})
    assert settings.plan.signed_clients == {"ana"}
    [fault] = start_faults(settings)
    assert "signing.keys = off: nothing is signed so, and clients.ana.signed asks for it" in str(fault)
    assert start_faults(load_settings(config_dir, {})) == [], "keys are made yet"


def test_who_must_sign_reports_alone_is_told_as_well(config_dir: Path) -> None:
    write(config_dir, "[clients.ana]\nsigned_reports = true\n[clients.bob]")
    settings = load_settings(config_dir, {"HEATSINK_SIGNING__KEYS": "off"})
    assert (settings.plan.signed_clients, settings.plan.signed_reporters) == (set(), {"ana"})
    [fault] = start_faults(settings)
    assert "clients.ana.signed_reports asks for it" in str(fault)
    assert "write signed_reports = false" in str(fault)


def test_the_key_of_a_bot_in_the_same_shell_is_no_setting_and_no_fault(config_dir: Path) -> None:
    assert CLIENT_KEY == VARIABLE
    assert load_settings(config_dir, {CLIENT_KEY: "k1 " + "0" * 64}) == load_settings(config_dir, {})
