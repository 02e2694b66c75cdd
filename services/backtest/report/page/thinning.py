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
    return [sum(part) / len(part) for part in _parts(values, strips)]


def highest(values: Sequence[float], strips: int) -> list[float]:
    """The most of each strip."""
    return [max(part) for part in _parts(values, strips)]


def _parts(values: Sequence[float], strips: int) -> list[Sequence[float]]:
    count = len(values)
    number = min(count, strips)
    return [values[strip * count // number : (strip + 1) * count // number] for strip in range(number)]


def merged(spans: Sequence[tuple[int, int]], begin: int, end: int, strips: int) -> list[tuple[int, int]]:
    """Strips that any of the spans covers, as first and one after the last; each span covers at least one."""
    covered = bytearray(strips)
    width = max(1, end - begin)
    for since, until in spans:
        first = min(strips - 1, max(0, (since - begin) * strips // width))
        last = min(strips, max(first + 1, -(-(until - begin) * strips // width)))
        covered[first:last] = b"\1" * (last - first)
    found: list[tuple[int, int]] = []
    for strip in range(strips):
        if not covered[strip]:
            continue
        if found and found[-1][1] == strip:
            found[-1] = (found[-1][0], strip + 1)
        else:
            found.append((strip, strip + 1))
    return found
