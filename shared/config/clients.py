"""``[clients.NAME]`` of ``stack.toml``: what each client may, and its own part of the limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.config.credentials import CLIENT_NAME
from shared.config.faults import did_you_mean
from shared.config.tables import Tables
from shared.domain.plan import ClientPlan, Limits
from shared.domain.universe import Universe

SECTION = "clients"
MOST = 100  # as many queues as the server takes


def read_clients(tables: Tables, file: str, document: Mapping[str, Any]) -> dict[str, ClientPlan]:
    """Every client that could be read."""
    rows = document.get(SECTION, {})
    if not isinstance(rows, dict):
        tables.fault(
            file, SECTION, rows, "a table was expected here", f"Write a line [{SECTION}.ana] for a client ana."
        )
        return {}
    found: dict[str, ClientPlan] = {}
    for name, row in rows.items():
        place = f"{SECTION}.{name}"
        if not CLIENT_NAME.fullmatch(name):
            tables.fault(file, place, None, "no name of a client", "Write 1 to 32 of a-z 0-9 _ -, such as ana.")
        elif not isinstance(row, dict):
            remedy = f"Write a line [{place}], and the keys of the client under it."
            tables.fault(file, place, row, "a table was expected here", remedy)
        elif (client := tables.struct(ClientPlan, file, place, row)) is not None:
            found[name] = client
    if len(rows) > MOST:
        tables.fault(file, SECTION, len(rows), f"more than {MOST} clients", "Let some of them share a name.")
    return found


def check_clients(
    tables: Tables,
    file: str,
    clients: Mapping[str, ClientPlan],
    *,
    limits: Limits | None,
    universe: Universe | None,
    strategies: Iterable[str] | None,
) -> None:
    """What clients may use is there, and what was given to them is no more than there is."""
    for name, client in clients.items():
        place = f"{SECTION}.{name}"
        for key in ("may", "strategies", "pairs"):
            _check_once(tables, file, f"{place}.{key}", getattr(client, key))
        if not client.may:
            remedy = f"Leave out {place}: who is not registered may nothing."
            tables.fault(file, f"{place}.may", None, "it may send nothing at all", remedy)
        if universe is not None:
            _check_known(tables, file, f"{place}.pairs", client.pairs, universe.symbols, "no pair of the universe")
        if strategies is not None and "orders" not in client.may:  # the strategy of an order may have any name
            problem = "no strategy of strategies.toml, so nobody follows its signals"
            _check_known(tables, file, f"{place}.strategies", client.strategies, list(strategies), problem)
    if limits is not None:
        _check_sum(tables, file, clients, "heat", limits.heat, "limits.heat")
        _check_sum(tables, file, clients, "orders_per_second", limits.orders_per_second, "limits.orders_per_second")
        _check_sum(tables, file, clients, "open_orders", limits.max_open_orders, "limits.max_open_orders")


def _check_once(tables: Tables, file: str, place: str, names: Sequence[str]) -> None:
    for name in dict.fromkeys(each for each in names if names.count(each) > 1):
        tables.fault(file, place, name, "it stands there twice", "Leave out one of the two.")


def _check_known(
    tables: Tables, file: str, place: str, names: Sequence[str], known: Sequence[str], problem: str
) -> None:
    for name in dict.fromkeys(names):
        if name not in known:
            tables.fault(file, place, name, problem, did_you_mean(name, known))


def _check_sum(tables: Tables, file: str, clients: Mapping[str, ClientPlan], key: str, limit: float, of: str) -> None:
    """The parts add up to no more than the whole, and to less where somebody has to live on the rest."""
    given = {name: getattr(client, key) for name, client in clients.items() if getattr(client, key)}
    total = sum(given.values())
    shown = " + ".join(f"{each:g}" for each in given.values())
    place = f"{SECTION}.{next(iter(given))}.{key}" if len(given) == 1 else f"{SECTION}.*.{key}"
    if total > limit * (1 + 1e-9):
        problem = f"clients may take {total:g} together, and {of} is {limit:g}"
        tables.fault(file, place, shown, problem, f"Lower them, or raise {of} in limits.toml.")
        return
    for name in clients:
        if name not in given and total >= limit * (1 - 1e-9):
            problem = f"nothing is left of {of} ({limit:g}) for client {name}, which names no {key}"
            tables.fault(file, place, shown, problem, f"Lower them, or write {SECTION}.{name}.{key}.")
