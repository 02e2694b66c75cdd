"""Links between pages lead to files and to headings that are there."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.pages import DOCUMENTS, FENCED, README, USER_PAGES, name_of, text_of

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+?) *$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


def links_of(page: Path) -> list[str]:
    """Targets of all links and pictures of a page; what stands in code is none."""
    return LINK.findall(CODE.sub("", FENCED.sub("", text_of(page))))


def anchors_of(page: Path) -> set[str]:
    """The names of headings as GitHub makes them: small letters, dashes for blanks, a number for a repeated one."""
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in HEADING.findall(FENCED.sub("", text_of(page))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors


def fault_of(page: Path, link: str) -> str:
    """What is wrong with a link; empty for one that leads somewhere, or out of the repository."""
    if link.startswith("https://"):
        return ""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return f"{link}: no such file"
    if anchor and anchor not in anchors_of(target):
        return f"{link}: no such heading"
    return ""


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    assert [fault for link in links_of(page) if (fault := fault_of(page, link))] == []


def test_a_link_to_a_missing_file_or_heading_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page: of *two* words\n\n## Again\n\n## Again\n", encoding="utf-8")
    assert anchors_of(page) == {"a-page-of-two-words", "again", "again-1"}
    assert [fault_of(page, link) for link in ("page.md#again-1", "#again", "https://example.org")] == ["", "", ""]
    assert fault_of(page, "other.md") == "other.md: no such file"
    assert fault_of(page, "#again-2") == "#again-2: no such heading"


def test_the_readme_leads_to_every_page() -> None:
    linked = {(README.parent / link.partition("#")[0]).resolve() for link in links_of(README)}
    assert [name_of(page) for page in USER_PAGES if page != README and page.resolve() not in linked] == []


def test_the_readme_reads_in_one_sitting() -> None:
    assert len(text_of(README).splitlines()) < 250
