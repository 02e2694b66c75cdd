"""What differs between the books and the account at the exchange."""

from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from shared.application.reconcile import Look
from shared.application.wording.formats import clock, count, quantity, some
from shared.domain.timeframes import MS_NS

MOST_OUTSIDE = 12  # assets that are named in one line


def print_look(look: Look, *, as_json: bool) -> None:
    """Print a table of the differences, what agrees, what is outside, and what the key may beside reading."""
    if as_json:
        say(json_text(look))
        return
    console, result = plain_console(), look.result
    if look.orders == "paper":
        console.print(Text("Orders go to the paper exchange: the books are paper, the account is not."), style="yellow")
    if result.differences:
        table = bare_table("pair", ">books", ">account", "what differs")
        for each in result.differences:
            table.add_row(*(Text(cell) for cell in (each.symbol or "cash", each.books, each.account, each.reason)))
        console.print(table)
    console.print(Text(_summary(look)), soft_wrap=True)
    if result.outside:
        named = [f"{quantity(each.total)} {each.asset}" for each in result.outside]
        text = f"Outside the universe, and no difference: {some(named, MOST_OUTSIDE)}."
        console.print(Text(text), style="dim", soft_wrap=True)
    if look.trades_since_ms:
        console.print(Text(f"Trades were compared since {clock(look.trades_since_ms * MS_NS)}."), style="dim")
    for line in _warnings(look):
        console.print(Text(line), style="yellow", soft_wrap=True)


def _summary(look: Look) -> str:
    result = look.result
    agreed = f"{some(list(result.agreed), MOST_OUTSIDE)} agree" if result.agreed else ""
    if result.differences:
        return "; ".join(filter(None, (count(len(result.differences), "difference"), agreed))) + "."
    return f"Books and account agree: cash{', ' if result.agreed else ''}{some(list(result.agreed), MOST_OUTSIDE)}."


def _warnings(look: Look) -> list[str]:
    rights = look.rights
    if not rights.known:
        return ["What the key may is not known here: see to it that it may only read."]
    if rights.trades:
        may = ", ".join(rights.trades)
        return [f"The key may trade ({may}), and reading is all that this needs: make one with enableReading alone."]
    return []
