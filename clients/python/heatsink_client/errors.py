"""What is raised when a question about the state cannot be answered. Proposals never raise these: they are unknown."""


class GateError(Exception):
    """The gate's state is not known. Whoever catches it must not trade on."""


class UnreachableError(GateError):
    """The server cannot be reached, or it is no heatsink."""


class StaleError(GateError):
    """What the server has is too old: the risk service is not running."""


class MissedError(GateError):
    """Entries of a stream are gone that were not read. Read the state anew, and go on with what follows ``after``."""

    def __init__(self, text: str, after: str) -> None:
        super().__init__(text)
        self.after = after
