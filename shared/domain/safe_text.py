"""Text from anybody made safe for people's eyes: the one place that does it, for terminals, logs and reports.

A strategy's name, a reason or a path may hold whatever its writer put there: signs that move the cursor or clear the
screen, a line break with a whole forged verdict behind it, marks that turn the order of letters around, letters that
nobody sees, halves of letters that cannot be printed. Each such sign is shown as it is written in Python: ``\\x1b``.
"""

import re

BLOT = "\N{REPLACEMENT CHARACTER}"  # in place of a sign where there is no room for its name
# What counts as printable, and is not seen: fillers, joiners, variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def safe(text: str, instead: str = "") -> str:
    """The text in one line, every sign of which is seen as what it is. instead: what stands for any other sign."""
    if _is_safe(text):
        return text
    return "".join(sign if _is_safe(sign) else instead or ascii(sign)[1:-1] for sign in text)


def safe_lines(text: str, instead: str = "") -> str:
    """Text of our own in several lines: each of them safe. What comes from others goes through ``safe`` before."""
    return text if _is_safe(text) else "\n".join(safe(line, instead) for line in text.split("\n"))


def safe_json(text: str) -> str:
    """JSON that means the same and has no such sign in it. They can only stand inside its strings."""
    if _is_safe(text):
        return text
    return "".join(sign if sign == "\n" or _is_safe(sign) else _json_escape(sign) for sign in text)


def _is_safe(text: str) -> bool:
    return text.isprintable() and _UNSEEN.search(text) is None


def _json_escape(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
