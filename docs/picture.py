"""The last step of ``make picture``: an SVG of a terminal as PNG. ``python docs/picture.py FROM.svg TO.png``"""  # noqa: INP001

import sys
from pathlib import Path

from resvg_py import svg_to_bytes

FONTS = ("DejaVu Sans Mono", "Liberation Mono", "Noto Sans Mono", "Ubuntu Mono", "Menlo", "Consolas", "Courier New")


def sample(font: str) -> bytes:
    """A few letters in this font. An unknown font draws as the default one does, or not at all."""
    text = f'<text y="20" font-family="{font}">heat</text>'
    return bytes(
        svg_to_bytes(svg_string=f'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="30">{text}</svg>')
    )


def main(source: Path, target: Path) -> None:
    unknown = sample("no such font")
    font = next((font for font in FONTS if sample(font) != unknown), None)
    if font is None:
        sys.exit(f"no fixed-width font to draw with; install one of: {', '.join(FONTS)}")
    svg = source.read_text(encoding="utf-8").replace("font-family: arial", "font-family: monospace")  # the title
    target.write_bytes(bytes(svg_to_bytes(svg_string=svg, monospace_family=font)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
