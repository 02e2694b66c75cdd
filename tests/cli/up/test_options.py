"""What the options of ``heatsink up`` become, and which of them contradict each other."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cli.up.options import UpOptions, prepare_settings
from services.cli.verbs.up import up
from shared.config.faults import ConfigError, Fault
from tests.shipped import SHIPPED


def options(**given: object) -> UpOptions:
    return UpOptions(data_dir=Path("unused"), config_dir=SHIPPED, **given)  # type: ignore[arg-type]


def faults(**given: object) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        prepare_settings(options(**given))
    return list(caught.value.faults)


def test_options_become_settings_and_variables_for_the_children(tmp_path: Path) -> None:
    klines = tmp_path / "klines.parquet"
    hours = [1_667_174_400_000 + hour * 3_600_000 for hour in range(48)]  # from 2022-10-31 on
    prices = {name: [1.0] * len(hours) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"symbol": ["BTCUSDT"] * len(hours), "open_time": hours, **prices}), klines)
    prepared = prepare_settings(options(replay=klines, start="2022-11-01", speed=3600.0, seed=5))
    simulator = prepared.settings.simulator
    assert (simulator.replay, simulator.start, simulator.speed, simulator.seed) == (
        str(klines),
        "2022-11-01",
        3600.0,
        5,
    )
    assert prepared.environ["HEATSINK_SIMULATOR__SPEED"] == "3600.0"
    assert prepared.environ["HEATSINK_CONFIG_DIR"] == str(SHIPPED)


def test_a_wrong_option_is_named_as_the_option_it_is() -> None:
    (fault,) = faults(speed=-3.0)
    assert (fault.file, fault.key) == ("command line", "--speed")


def test_all_wrong_options_are_named_at_once(tmp_path: Path) -> None:
    found = faults(speed=-3.0, replay=tmp_path / "gone.parquet", start="soon", redis_url="localhost")
    assert [fault.key for fault in found] == ["--speed", "--redis-url", "--replay", "--from"]


def test_a_replay_without_a_date_is_a_fault(tmp_path: Path) -> None:
    klines = tmp_path / "klines.parquet"
    klines.touch()
    (fault,) = faults(replay=klines)
    assert fault.key == "--replay"
    assert "--from 2022-11-01" in fault.remedy


def test_a_generated_market_may_begin_at_any_date() -> None:
    assert prepare_settings(options(start="2022-11-01")).settings.simulator.start == "2022-11-01"


@pytest.mark.parametrize("named_by", ["option", "variable"])
def test_what_is_for_a_simulated_market_does_not_go_with_the_real_exchange(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named_by: str
) -> None:
    klines = tmp_path / "klines.parquet"
    klines.touch()
    if named_by == "variable":
        monkeypatch.setenv("HEATSINK_EXCHANGE__KIND", "binance")
    found = faults(
        exchange="binance" if named_by == "option" else None,
        replay=klines,
        start="2022-11-01",
        end="2022-11-15",
        speed=2.0,
        seed=7,
        resume_after_hours=6.0,
    )
    assert [fault.key for fault in found] == ["--replay", "--from", "--to", "--speed", "--seed", "--resume-after"]
    assert {fault.problem for fault in found} == {"the market is binance, a real one"}


def test_that_an_option_is_for_a_simulated_market_is_told_together_with_what_is_no_setting() -> None:
    found = faults(exchange="binance", speed=-3.0)
    assert [fault.key for fault in found] == ["--speed", "--speed"]


def test_a_server_that_is_named_by_option_or_variable_is_used_instead_of_an_own_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HEATSINK_REDIS__URL", raising=False)
    assert prepare_settings(options()).own_server
    assert not prepare_settings(options(redis_url="redis://127.0.0.1:7000/0")).own_server
    monkeypatch.setenv("HEATSINK_REDIS__URL", "redis://127.0.0.1:7001/0")
    prepared = prepare_settings(options())
    assert not prepared.own_server
    assert prepared.settings.redis.url == "redis://127.0.0.1:7001/0"


@pytest.mark.parametrize(
    ("phase", "orders", "problems"),
    [
        ("live", "paper", ['phase "live" wants real orders']),
        (
            "dry_run",
            "exchange",
            ['phase "dry_run" wants the paper exchange', "orders are executed on paper, or by clients"],
        ),
        ("live", "exchange", ["orders are executed on paper, or by clients"]),
    ],
)
def test_nothing_is_started_on_settings_that_a_service_would_refuse(
    monkeypatch: pytest.MonkeyPatch, phase: str, orders: str, problems: list[str]
) -> None:
    monkeypatch.setenv("HEATSINK_PHASE", phase)
    monkeypatch.setenv("HEATSINK_EXCHANGE__ORDERS", orders)
    found = faults(exchange="binance")
    assert {(fault.key, fault.value) for fault in found} == {("exchange.orders", orders)}
    assert all(said in fault.problem for fault, said in zip(found, problems, strict=True))


def test_a_rehearsal_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEATSINK_PHASE", "live")
    monkeypatch.setenv("HEATSINK_RAMP__REHEARSAL", "true")
    assert prepare_settings(options()).settings.plan.phase == "live"


def test_the_verb_explains_itself() -> None:
    assert up.__doc__ == "Run everything: Redis, the exchange, every service. Ctrl-C ends it."


@pytest.mark.parametrize(("speed", "warned"), [(1.0, False), (3_600.0, False), (3_600.1, True), (100_000.0, True)])
def test_a_speed_beyond_those_that_are_tested_is_warned_of(speed: float, warned: bool) -> None:
    prepared = prepare_settings(options(speed=speed))
    assert bool(prepared.too_fast) is warned
    assert (prepared.too_fast in prepared.notes) is warned
    assert ("Up to 3,600 x is tested" in prepared.too_fast) is warned


def test_the_date_that_is_suggested_for_the_end_is_one_that_would_do() -> None:
    (fault,) = faults(end="2022-10-01")
    assert fault.remedy == "Write one after 2026-05-04, such as 2026-05-18."
    assert prepare_settings(options(end="2026-05-18")).end_ns
    (late,) = faults(start="2023-03-01", end="2023-02-01")
    assert late.remedy == "Write one after 2023-03-01, such as 2023-03-15."
