"""Binance's published archives (data.binance.vision): a zip for each pair, timeframe and month or day, with a CHECKSUM.

Times are milliseconds, and on spot microseconds from 2025 on; futures have a line of names, spot has none.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from shared.adapters.klines.columns import RecordingError
from shared.adapters.klines.formats.base import Loaded
from shared.adapters.klines.formats.csv_text import csv_table
from shared.adapters.whole_files import hash_of

MOST_BYTES = 2 << 30  # of one unpacked file; a month of seconds has about 400 MB
_NAME = re.compile(r"[A-Z0-9_]+-[0-9]+[smhdw](?:o)?-\d{4}-\d{2}(-\d{2})?\.zip")


class BinanceArchive:
    def knows(self, path: Path) -> bool:
        return _NAME.fullmatch(path.name) is not None

    def load(self, path: Path) -> Iterator[Loaded]:
        checked = _checked(path)
        try:
            with ZipFile(path) as archive:
                members = [info for info in archive.infolist() if info.filename.endswith(".csv")]
                if len(members) != 1:
                    raise RecordingError(f"an archive with {len(members)} CSV files; expected one")
                if members[0].file_size > MOST_BYTES:
                    raise RecordingError(f"an archive of {members[0].file_size:,} bytes, more than any month has")
                with archive.open(members[0]) as file:
                    yield Loaded(csv_table(file), checked)
        except (BadZipFile, OSError, EOFError) as error:
            raise RecordingError(f"not a readable archive: {error}; download it again") from None


def _checked(path: Path) -> bool | None:
    """True where Binance's hash lies beside the archive and is its own; None without one. Raises ``RecordingError``."""
    beside = path.with_name(f"{path.name}.CHECKSUM")
    if not beside.is_file():
        return None
    wanted = beside.read_text(encoding="utf-8", errors="replace").split()
    if not wanted or hash_of(path) != wanted[0].lower():
        raise RecordingError(
            f"its hash is not the one in {beside.name}: it is damaged, or of another day; download both"
        )
    return True


BINANCE_ARCHIVE = BinanceArchive()
