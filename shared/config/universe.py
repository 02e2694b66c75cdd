"""``universe.toml``: the pairs, each in its one sector, and the names they had before."""

import re
from decimal import Decimal
from typing import Any

from shared.config.faults import did_you_mean
from shared.config.tables import Tables, unread_keys
from shared.domain.safe_text import safe
from shared.domain.timeframes import FIRST_DATE, LAST_DATE
from shared.domain.universe import Pair, Rename, Universe

ProblemAndRemedy = tuple[str, str]

_COIN = re.compile(r"[A-Z0-9]{1,15}")  # a pair of two of them is a symbol of at most 32 characters
LEAST_RATIO, MOST_RATIO = Decimal("0.00000001"), Decimal(100_000_000)
LONGEST_NAME = 64  # of a strategy, a phase, a sector


def read_universe(tables: Tables, file: str, document: dict[str, Any], homes: dict[str, str]) -> Universe | None:
    """The universe in ``document``; None (and faults in ``tables``) when something is wrong with it."""
    before = len(tables.faults)
    unread_keys(tables, file, document, ("quote", "sectors", "assumed", "renames"), homes)
    quote = document.get("quote", "USDT")
    if not _is_coin(quote):
        tables.fault(file, "quote", quote, "not the name of a coin", 'Write capitals and digits, such as "USDT".')
    sector_of = _sectors(tables, file, document.get("sectors"), quote)
    assumed = _assumed(tables, file, document.get("assumed", {}), sector_of)
    renames = _renames(tables, file, document.get("renames", []), sector_of, str(quote))
    if len(tables.faults) > before:
        return None
    pairs = tuple(
        Pair(base=base, quote=quote, sector=sector, assumed=base in assumed) for base, sector in sector_of.items()
    )
    return Universe(pairs=pairs, renames=renames)


def _is_coin(name: object) -> bool:
    return isinstance(name, str) and _COIN.fullmatch(name) is not None


def _sectors(tables: Tables, file: str, sectors: object, quote: str) -> dict[str, str]:
    """The sector of every base coin, in the order of the file."""
    found: dict[str, str] = {}
    if not isinstance(sectors, dict) or not sectors:
        remedy = 'Write a line [sectors], and a line such as Majors = ["BTC", "ETH"] for each sector under it.'
        tables.fault(file, "sectors", None, "there is no sector, so there is no pair to trade", remedy)
        return found
    for sector, bases in sectors.items():
        key = f"sectors.{sector}" if sector.replace("_", "").isalnum() else f'sectors."{sector}"'
        if not (safe(sector) == sector and 1 <= len(sector) <= LONGEST_NAME):
            problem = f"not a name of 1 to {LONGEST_NAME} characters that can be seen"
            tables.fault(file, ascii(key), None, problem, "Write a short name.")
        if not isinstance(bases, list):
            tables.fault(file, key, bases, "a list of coins was expected", f'Write "{sector}" = ["BTC", "ETH"].')
            continue
        for index, base in enumerate(bases):
            if (fault := _fault_of_base(base, sector, found, quote)) is not None:
                tables.fault(file, f"{key}[{index}]", base, *fault)
            else:
                found[base] = sector
    return found


def _fault_of_base(base: Any, sector: str, found: dict[str, str], quote: str) -> ProblemAndRemedy | None:
    if not _is_coin(base):
        remedy = f'Write capitals and digits, such as "{_coin_like(base)}"; the quote {quote} is added to it.'
        return "not the name of a coin", remedy
    if base == quote:
        return f"{base} cannot be traded against itself", f'Remove "{base}" here.'
    if base in found:
        both = "twice in one sector" if found[base] == sector else f"in two sectors, {found[base]} and {sector}"
        return f"the pair stands {both}", f'A pair has one sector: remove "{base}" from one.'
    return None


def _coin_like(base: object) -> str:
    """``btc/usdt`` and ``BTC-USDT`` are meant as BTC."""
    cleaned = re.split(r"[^A-Z0-9]", str(base).upper().strip())[0]
    return cleaned or "BTC"


def _assumed(tables: Tables, file: str, table: object, sector_of: dict[str, str]) -> frozenset[str]:
    pairs = table.get("pairs", []) if isinstance(table, dict) else None
    if not isinstance(pairs, list) or not isinstance(table, dict):
        tables.fault(file, "assumed.pairs", None, "a list of coins was expected", 'Write pairs = ["BTC"] or remove it.')
        return frozenset()
    for key in table:
        if key != "pairs":
            tables.fault(file, f"assumed.{key}", table[key], "no such key", did_you_mean(key, ["pairs"]))
    for index, base in enumerate(pairs):
        if not isinstance(base, str) or base not in sector_of:
            remedy = _not_in_universe(str(base), sector_of)
            tables.fault(file, f"assumed.pairs[{index}]", base, "not in any sector of the universe", remedy)
    return frozenset(str(base) for base in pairs)


def _not_in_universe(base: str, sector_of: dict[str, str]) -> str:
    near = did_you_mean(base, sector_of) if sector_of else ""
    return (
        f"{near} Otherwise add it to a sector or remove it here."
        if "Did" in near
        else ("Add it to a sector, or remove it here.")
    )


def _renames(tables: Tables, file: str, rows: object, sector_of: dict[str, str], quote: str) -> tuple[Rename, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        tables.fault(file, "renames", None, "a list of tables was expected", "Write a line [[renames]] for each one.")
        return ()
    renames = []
    named: set[str] = set()
    for index, row in enumerate(rows):
        rename = tables.struct(Rename, file, f"renames[{index}]", row)
        if rename is not None and _fits(tables, file, f"renames[{index}]", rename, sector_of, named, quote):
            renames.append(rename)
            named |= {rename.old, rename.new}
    return tuple(renames)


def _fits(
    tables: Tables, file: str, place: str, rename: Rename, sector_of: dict[str, str], named: set[str], quote: str
) -> bool:
    before = len(tables.faults)
    if not (rename.ratio.is_finite() and LEAST_RATIO <= rename.ratio <= MOST_RATIO):
        remedy = 'Write how many new units stand for one old one, such as "1".'
        problem = f"the ratio must be above 0: from {LEAST_RATIO:f} to {MOST_RATIO:f}"
        tables.fault(file, f"{place}.ratio", str(rename.ratio), problem, remedy)
    if not FIRST_DATE <= rename.cutover.isoformat() <= LAST_DATE:
        remedy = f"Write the day of the rename, from {FIRST_DATE} to {LAST_DATE}."
        tables.fault(file, f"{place}.cutover", str(rename.cutover), "there is no market then", remedy)
    for key, name in (("old", rename.old), ("new", rename.new)):
        if not _is_coin(name) or name == quote:
            problem = f"not the name of a coin that is traded against {quote}"
            tables.fault(file, f"{place}.{key}", name, problem, f'Write "{_coin_like(name)}", or what it is called.')
    if rename.old == rename.new:
        tables.fault(file, f"{place}.new", rename.new, "the new name is the old one", "Write the new name.")
    elif rename.old in sector_of and rename.new in sector_of:
        remedy = f'Remove one of the two from the sectors: "{rename.old}" is enough.'
        problem = f"{rename.old} and {rename.new} are one asset, and both stand in the universe"
        tables.fault(file, f"{place}.new", rename.new, problem, remedy)
    elif rename.old not in sector_of and rename.new not in sector_of:
        remedy = _not_in_universe(rename.old, sector_of)
        tables.fault(file, f"{place}.old", rename.old, "a rename of a pair that is not in the universe", remedy)
    for name in sorted({rename.old, rename.new} & named):
        problem = f"{name} is renamed a second time; one rename for each pair is understood"
        tables.fault(file, place, name, problem, "Keep the latest rename of the pair, and remove the other.")
    return len(tables.faults) == before
