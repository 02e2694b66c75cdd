"""Long curves, thinned to what a screen can show: of every strip of time the least and the most of each line."""

from collections.abc import Sequence


def kept(lines: Sequence[Sequence[float]], strips: int) -> list[int]:
    """Indices that are kept, in order: the first, the last, and of each strip where any line is least or most.

    No peak and no bottom is lost, whatever the number of strips.
    """
    count = len(lines[0]) if lines else 0
    if count <= 2 * strips:
        return list(range(count))
    chosen = {0, count - 1}
    for strip in range(strips):
        indices = range(strip * count // strips, (strip + 1) * count // strips)
        for line in lines:
            chosen.add(min(indices, key=line.__getitem__))
            chosen.add(max(indices, key=line.__getitem__))
    return sorted(chosen)


def means(values: Sequence[float], strips: int) -> list[float]:
    """The mean of each strip."""
    count = len(values)
    if count <= strips:
        return list(values)
    found = []
    for strip in range(strips):
        part = values[strip * count // strips : (strip + 1) * count // strips]
        found.append(sum(part) / len(part))
    return found
