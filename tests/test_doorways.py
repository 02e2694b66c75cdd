"""What import-linter cannot see of house rule 12: it knows packages, and aiohttp is a client and a server in one."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLIENT = {"ClientSession", "ClientTimeout", "TCPConnector", "request"}


def client_names(path: Path) -> set[str]:
    """What a file takes of aiohttp's client."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "aiohttp"
        for alias in node.names
    }
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "aiohttp"
    }
    return (imported | attributes) & CLIENT


def test_aiohttps_client_has_one_doorway() -> None:
    files = [*(ROOT / "services").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
    assert [path.relative_to(ROOT).as_posix() for path in files if client_names(path)] == ["shared/adapters/http.py"]
