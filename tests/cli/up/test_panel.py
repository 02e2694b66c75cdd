"""The panel of ``heatsink up``: live on a terminal, or as a picture."""

import io
from pathlib import Path

from rich.console import Console

from services.cli.up.panel import LiveScreen, PictureScreen
from tests.cli.up.activities import activity_of_samples, idle_supervisor
from tests.samples import samples


def test_the_panel_shows_standing_positions_and_events() -> None:
    console = Console(file=io.StringIO(), width=140, height=40, force_terminal=True, color_system=None)
    screen = LiveScreen(console, "heatsink · test", sizes=True)
    try:
        for message in samples():
            screen.message(message)
        console.print(screen.drawn(activity_of_samples(), idle_supervisor(), 12.0))
    finally:
        screen.close()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("NAV $200,000", "heat 0.16 % of 8 %", "Majors", "0.26041", "TRIM", "market 2022-11-01", "12 s"):
        assert part in text


def test_a_picture_of_the_panel_asks_nothing_of_other_hosts(tmp_path: Path) -> None:
    screen = PictureScreen(tmp_path / "up.svg", "heatsink · test")
    screen.tick(activity_of_samples(), idle_supervisor(), 12.0)
    screen.close()
    svg = (tmp_path / "up.svg").read_text()
    assert "NAV" in svg
    assert "@font-face" not in svg
    assert "@import" not in svg
