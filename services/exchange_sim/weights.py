"""The request weight that every client address may use in a minute, and what happens to those who use more."""

from typing import NamedTuple

from shared.domain.timeframes import MINUTE_NS, MS_NS, SECOND_NS

REFUSALS_BEFORE_BAN = 20  # in one minute
FIRST_BAN_SECONDS = 120
LONGEST_BAN_SECONDS = 3 * 86_400


class Refusal(NamedTuple):
    """An answer to a request over the limit.

    status: of HTTP: 429, or 418 for a ban.
    retry_after_seconds: of the header ``Retry-After``.
    message: Binance's sentence.
    """

    status: int
    retry_after_seconds: int
    message: str


class _Account:
    def __init__(self) -> None:
        self.minute = 0
        self.used = 0
        self.refused = 0
        self.bans = 0
        self.banned_until_wall_ns = 0


class WeightBudget:
    """Counts by wall time, as Binance does, whatever the speed of the market."""

    def __init__(self, weight_per_minute: int) -> None:
        self.weight_per_minute = weight_per_minute
        self._accounts: dict[str, _Account] = {}

    def spend(self, address: str, weight: int, now_wall_ns: int) -> Refusal | None:
        """Book ``weight`` for a client address, or say why not."""
        account = self._accounts.setdefault(address, _Account())
        if now_wall_ns < account.banned_until_wall_ns:
            return banned(account.banned_until_wall_ns, now_wall_ns)
        minute = now_wall_ns // MINUTE_NS
        if minute != account.minute:
            account.minute, account.used, account.refused = minute, 0, 0
        if account.used + weight <= self.weight_per_minute:
            account.used += weight
            return None
        account.refused += 1
        if account.refused > REFUSALS_BEFORE_BAN:
            return self.ban(address, now_wall_ns)
        return too_many(self.weight_per_minute, 1 + int(((minute + 1) * MINUTE_NS - now_wall_ns) / 1e9))

    def ban(self, address: str, now_wall_ns: int, seconds: int | None = None) -> Refusal:
        """Each ban of an address is twice as long as the one before."""
        account = self._accounts.setdefault(address, _Account())
        length = seconds if seconds is not None else min(FIRST_BAN_SECONDS << account.bans, LONGEST_BAN_SECONDS)
        account.bans += 1
        account.banned_until_wall_ns = now_wall_ns + length * SECOND_NS
        return banned(account.banned_until_wall_ns, now_wall_ns)

    def used(self, address: str, now_wall_ns: int) -> int:
        account = self._accounts.get(address)
        return account.used if account is not None and account.minute == now_wall_ns // MINUTE_NS else 0


def too_many(weight_per_minute: int, retry_after_seconds: int) -> Refusal:
    return Refusal(
        429,
        retry_after_seconds,
        f"Too much request weight used; current limit is {weight_per_minute} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    )


def banned(until_wall_ns: int, now_wall_ns: int) -> Refusal:
    return Refusal(
        418,
        1 + int((until_wall_ns - now_wall_ns) / 1e9),
        f"Way too much request weight used; IP banned until {until_wall_ns // MS_NS}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
    )
