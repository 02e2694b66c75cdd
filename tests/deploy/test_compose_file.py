"""The Compose file and the image, as far as they can be judged without a container engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.wiring import EXCHANGE_SIM, OPS, SERVICES, services_with
from shared.config.credentials import CLIENT, OPERATOR, OWNER
from shared.config.load import load_settings
from tests.docs.command_line import check_heatsink

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")  # ${NAME:-default}, as Compose fills it in
ONCE = {"passwords", "users"}  # they end, and nothing else begins before
PINNED = re.compile(r"[a-z0-9./-]+:\d+(\.\d+)+[a-z0-9.-]*")


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return parsed


@pytest.fixture(scope="module")
def ours(stack: dict[str, Any]) -> dict[str, Any]:
    return {name: block for name, block in stack.items() if "build" in block}


def test_every_service_of_the_source_has_one_block_and_runs_its_own_module(ours: dict[str, Any]) -> None:
    running = {name: block["command"] for name, block in ours.items() if "profiles" not in block and name not in ONCE}
    assert running == {row.name: ["python", "-m", row.module] for row in services_with("sim")}


def test_no_container_has_a_password_that_is_not_its_own(ours: dict[str, Any], stack: dict[str, Any]) -> None:
    """Each in a volume of its own, made by one container that ends before any other begins."""
    roles = {row.name for row in SERVICES} | {OWNER, OPERATOR, CLIENT}
    everything = {f"users-{role}:/users/{role}" for role in roles}
    for name, block in ours.items():
        mounted = {mount for mount in block["volumes"] if mount.startswith("users-")}
        visitor = CLIENT if name == "record_books" else name
        assert mounted == (everything if name in ONCE else {f"users-{visitor}:/users:ro"}), name
    assert not [mount for mount in stack["valkey"]["volumes"] if "users-" in mount]
    assert "acl:/acl:ro" in stack["valkey"]["volumes"]
    folders = re.findall(r"/users/(\w+)", DOCKERFILE.read_text())
    assert sorted(folders) == sorted(roles), "a volume takes its owner from the image"
    for name in ONCE:
        check_heatsink(ours[name]["command"][3:])


def test_people_sign_in_as_an_operator_or_a_client_and_only_when_asked_for(ours: dict[str, Any]) -> None:
    for name in (OPERATOR, CLIENT):
        assert ours[name]["profiles"] == ["people"]
        assert ours[name]["entrypoint"] == ["python", "-m", "services.cli"]
        check_heatsink(ours[name]["command"])


def test_books_are_recorded_only_when_asked_for_and_where_the_containers_user_may_write(ours: dict[str, Any]) -> None:
    block = ours["record_books"]
    assert block["profiles"] == ["books"]
    module, *words = block["command"][2:]
    assert module == "services.cli"
    check_heatsink(words)
    assert block["volumes"][-1] == f"store:{words[-1]}"
    assert f"--owner heatsink --group heatsink {words[-1]} " in DOCKERFILE.read_text()


def test_all_services_run_from_one_image_of_this_version(ours: dict[str, Any]) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {block["image"] for block in ours.values()} == {f"heatsink:{version[1]}"}
    assert {str(block["build"]) for block in ours.values()} == {
        str({"context": ".", "dockerfile": "deploy/Dockerfile"})
    }


def test_every_image_is_pinned(stack: dict[str, Any]) -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    images = [block["image"] for block in stack.values()]
    assert bases
    assert [image for image in bases + images if not PINNED.fullmatch(image)] == []


def test_packages_are_installed_by_hash_and_the_containers_user_is_not_root() -> None:
    text = DOCKERFILE.read_text()
    assert "--require-hashes" in text
    assert "--no-compile" in text
    assert "requirements-dev" not in text
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["heatsink"]


def test_the_environment_names_settings_that_exist(ours: dict[str, Any]) -> None:
    for name, block in ours.items():
        environment = {key: DEFAULT.sub(r"\1", str(value)) for key, value in block["environment"].items()}
        users = environment["HEATSINK_REDIS__USERS"]
        assert users == ("/users/owner" if name == "users" else "/users")
        settings = load_settings(ROOT / "deploy" / "config", environment | {"HEATSINK_REDIS__USERS": ""})
        assert settings.redis.url == "redis://valkey:6379/0"
        assert settings.exchange.url == f"http://{EXCHANGE_SIM}:{settings.simulator.port}"
        assert settings.simulator.host == settings.ops.host == "0.0.0.0"


def test_the_server_waits_for_its_users_and_services_for_a_server_that_knows_them(
    stack: dict[str, Any], ours: dict[str, Any]
) -> None:
    done = "service_completed_successfully"
    assert "ping" in stack["valkey"]["healthcheck"]["test"][-1]
    assert not stack["passwords"]["depends_on"]
    assert stack["valkey"]["depends_on"] == {"passwords": {"condition": done}}
    assert stack["users"]["depends_on"] == {"valkey": {"condition": "service_healthy"}}
    for name in ours.keys() - ONCE:
        assert ours[name]["depends_on"] == {"users": {"condition": done}}, name


def test_every_container_comes_back_and_gets_time_to_end(stack: dict[str, Any]) -> None:
    expected = dict.fromkeys(ONCE, "on-failure") | dict.fromkeys((OPERATOR, CLIENT), "no")
    assert {name: block["restart"] for name, block in stack.items()} == dict.fromkeys(
        stack, "unless-stopped"
    ) | expected
    assert all(block["stop_grace_period"] for block in stack.values())


def test_only_the_http_side_of_ops_is_published_and_only_to_this_machine(stack: dict[str, Any]) -> None:
    published = {name: block["ports"] for name, block in stack.items() if "ports" in block}
    assert list(published) == [OPS]
    assert all(port.startswith("127.0.0.1:") for port in published[OPS])


def test_the_server_forgets_nothing_that_it_acknowledged(stack: dict[str, Any]) -> None:
    lines = (ROOT / "deploy" / "redis" / "valkey.conf").read_text().splitlines()
    assert {"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} <= set(lines)
    assert "valkey-data:/data" in stack["valkey"]["volumes"]


def test_what_goes_into_the_image_is_listed_and_nothing_else_does() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    copied = re.findall(r"^COPY (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert ignored[0] == "*"
    assert [line.lstrip("!") for line in ignored if line.startswith("!")] == copied


def test_the_folder_of_the_configuration_is_mounted_whole_so_that_strategy_files_are_there(
    ours: dict[str, Any],
) -> None:
    mounts = {mount for block in ours.values() for mount in block["volumes"]}
    assert "./deploy/config:/app/deploy/config:ro" in mounts
    assert (ROOT / "deploy" / "config" / "strategies").is_dir()
    assert "COPY deploy/config deploy/config" in DOCKERFILE.read_text()
