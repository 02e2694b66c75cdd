"""Variables that override settings; one that nothing reads is a fault, for whoever set it believes that it counts."""

import difflib
import re
from collections.abc import Mapping, Sequence

from shared.config.faults import ENVIRONMENT
from shared.config.tables import Override, Tables

PREFIX = "HEATSINK_"
CONFIG_DIR, PHASE = f"{PREFIX}CONFIG_DIR", f"{PREFIX}PHASE"
CLIENT_KEY = f"{PREFIX}CLIENT_KEY"  # no setting: the client libraries read it, perhaps from the same shell
# What Kubernetes tells every container of a service that is called heatsink or heatsink-redis.
_OF_KUBERNETES = re.compile(r"HEATSINK_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)")
_ADDRESS_OF_KUBERNETES = ("tcp://", "udp://", "sctp://")  # of HEATSINK_REDIS_PORT


def read_environment(tables: Tables, environ: Mapping[str, str], keys: Sequence[tuple[str, str]]) -> None:
    """Overrides into ``tables``. keys: section and key of every setting."""
    known = {f"{PREFIX}{section}__{key}".upper(): (section, key) for section, key in keys}
    names = [*known, PHASE, CONFIG_DIR, CLIENT_KEY]
    one_underscore = {name.replace("__", "_"): name for name in known}
    for name, text in environ.items():
        if name in known:
            tables.overrides[known[name]] = Override(ENVIRONMENT, name, text)
        elif name in names or not name.upper().startswith(PREFIX) or _is_of_kubernetes(name, text):
            continue
        elif (meant := name.upper()) in names:
            tables.fault(ENVIRONMENT, name, text, "the names of settings are capitals", f"Write {meant}.")
        elif meant in one_underscore:
            problem = "one underscore stands between section and key"
            tables.fault(ENVIRONMENT, name, text, problem, f"Write {one_underscore[meant]}.")
        elif name.startswith(PREFIX):  # by another beginning it may be somebody else's
            tables.fault(ENVIRONMENT, name, text, "no such setting", _nearest(name, names))


def _is_of_kubernetes(name: str, text: str) -> bool:
    of_a_port = name.endswith("_PORT") and text.startswith(_ADDRESS_OF_KUBERNETES)
    return of_a_port or ("__" not in name and _OF_KUBERNETES.fullmatch(name) is not None)


def _nearest(name: str, names: Sequence[str]) -> str:
    """The settings that may be meant: those that end in the same key, wherever they are, or come next to the name.

    What all names begin with says nothing of how near one is.
    """
    known = {each.removeprefix(PREFIX).replace("__", "_"): each for each in names}
    wanted = name.removeprefix(PREFIX).replace("__", "_")
    of_key = _of_key(name.rpartition("__")[2].removeprefix(PREFIX), names)
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.6)
    if near and (not of_key or ("__" in name and known[near[0]] in of_key)):
        of_key = [known[near[0]]]
    if of_key:
        quoted = [f'"{each}"' for each in of_key]
        return f"Did you mean {' or '.join(quoted)}?"
    return f"Remove it; settings are named {PREFIX}<SECTION>__<KEY>, {PHASE} and {CONFIG_DIR}."


def _of_key(key: str, names: Sequence[str]) -> list[str]:
    """The settings of this key, or of the one next to it, in whatever section."""
    keys = {each: each.rpartition("__")[2] for each in names if "__" in each}
    near = difflib.get_close_matches(key, sorted(set(keys.values())), n=1, cutoff=0.8)
    return [each for each, found in keys.items() if found in near]
