"""One way to break the protocol, and the test that has to find it."""

from pathlib import Path
from typing import NamedTuple


class Mutant(NamedTuple):
    """A change of one place in the source.

    name: what is missing then. file: where. before, after: the text that is replaced, which stands there once.
    tests: those that have to fail, each by itself.
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]

    def apply(self, tree: Path) -> str:
        """Change the copy of the source in this folder; returns the text as it was. Raises ``UnfitError``."""
        path = tree / self.file
        text = path.read_text()
        if (times := text.count(self.before)) != 1:
            raise UnfitError(f"{self.name}: {self.file} has its text {times} times: write the mutant anew")
        path.write_text(text.replace(self.before, self.after))
        return text


class UnfitError(LookupError):
    """The source has changed under a mutant."""
