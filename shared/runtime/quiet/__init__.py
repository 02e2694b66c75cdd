"""The quiet host: a replay in which machines are only shown the bars from which something may follow.

``replay`` plays a block of columns instant by instant. Each machine has a *guard* (``guard.py``) that knows which bars
it was shown. Before the machine's turn its guard finds out, with a few array operations over all pairs at once, where
something could follow from the bar (a stop is reached, a size has moved by the band, a price has jumped). A guard never
decides anything. It only says "ask", rather once too often, and the machine that trades live decides. The plain guard
says it of every bar.

A bar that was passed over is shown late, as history, as soon as a message comes that is about its pair. So what a
machine knows of a pair whenever it looks there is what it would know in the full replay. Tests hold both to the same
messages, bit by bit. Only ``PositionSized`` is left out. Why so: docs/decisions/0021.
"""

from shared.runtime.quiet.replay import QuietReplay

__all__ = ["QuietReplay"]
