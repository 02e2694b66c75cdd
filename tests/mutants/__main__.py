"""``make mutants``: breaks a copy of the source in one place after the other. A named test has to catch each.

A fault that no test would notice is one that can come back. So each mutant names the tests that have to fail with it,
every one of them by itself; and they have to pass without it, or their failing would say nothing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.every import MUTANTS
from tests.mutants.mutant import Mutant, UnfitError

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("shared", "services", "clients", "tests", "deploy", "docs", "pyproject.toml")
PASSED, FAILED = 0, 1  # exit codes of pytest; any other means that nothing was tried


def copy_to(tree: Path) -> None:
    """The source as it is, without what was compiled of it."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(ROOT / name, tree / name)


def run(tree: Path, *tests: str) -> int:
    """Run some tests on the copy; returns the exit code of pytest."""
    command = (sys.executable, "-B", "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *tests)
    return subprocess.run(command, cwd=tree, capture_output=True, check=False).returncode


def tried(mutant: Mutant, tree: Path) -> list[str]:
    """Break the copy, run the tests, and mend it; returns those that noticed nothing."""
    before = mutant.apply(tree)
    try:
        return [test for test in mutant.tests if run(tree, test) != FAILED]
    finally:
        (tree / mutant.file).write_text(before)


def main(wanted: str) -> int:
    """Try all mutants whose names have the word; returns how many were not caught."""
    mutants = [mutant for mutant in MUTANTS if wanted in mutant.name]
    survived = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        copy_to(tree)
        every = sorted({test for mutant in mutants for test in mutant.tests})
        if run(tree, *every) != PASSED:
            print("Some of the tests fail without any mutant:", *every, sep="\n  ")
            return 1
        for mutant in mutants:
            try:
                blind = tried(mutant, tree)
            except UnfitError as error:
                print(f"UNFIT     {error}", flush=True)
                survived += 1
                continue
            survived += bool(blind)
            for test in mutant.tests:
                print(f"{'SURVIVED' if test in blind else 'caught':9} {mutant.name}\n            by {test}", flush=True)
    print(f"{survived} of {len(mutants)} mutants were not caught" if survived else f"all {len(mutants)} were caught")
    return survived


if __name__ == "__main__":
    sys.exit(min(1, main(" ".join(sys.argv[1:]))))
