"""The pages that people read, and the snippets on them.

A fenced block is a snippet. Its first line names the language, and the file of a program: ``python propose.py``.
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
USER_PAGES = [README, *sorted(DOCS.glob("*.md")), *sorted((ROOT / "clients").glob("*/README.md"))]
DOCUMENTS = [
    *USER_PAGES,
    *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((DOCS / "decisions").glob("*.md")),
]
FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "


class Snippet(NamedTuple):
    """page: where it stands, relative to the root. line: of its first fence, from 1. file: of a program, else empty."""

    page: str
    line: int
    language: str
    file: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """What people are told to type, a command a line: no comments, and no output of a console."""
        lines = self.text.replace("\\\n", "").splitlines()
        if self.language == "console":
            lines = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
        return [line for line in lines if line and not line.startswith("#")]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def snippets_of(page: Path) -> list[Snippet]:
    text = text_of(page)
    found = []
    for match in FENCED.finditer(text):
        language, _, file = match[1].partition(" ")
        found.append(Snippet(name_of(page), text.count("\n", 0, match.start()) + 1, language, file, match[2]))
    return found


SNIPPETS = [snippet for page in USER_PAGES for snippet in snippets_of(page)]


def snippets(*languages: str) -> list[Snippet]:
    """All of the pages for users, in order."""
    return [snippet for snippet in SNIPPETS if snippet.language in languages]


def program(file: str) -> str:
    """The source of a program that a page shows."""
    [found] = [snippet for snippet in snippets("python", "js") if snippet.file == file]
    return found.text
