"""Looks, before anything is started, whether another stack writes the market of the server that was named.

The services look too, and refuse by themselves. By then a screen would have shown the other stack's portfolio.
"""

from contextlib import aclosing

from services.cli.up.options import COMMAND_LINE, UpOptions
from shared.adapters.redis.client import new_client
from shared.adapters.redis.market_lease import holder_of_market
from shared.config.faults import ENVIRONMENT, ConfigError, Fault
from shared.config.secrecy import without_password


async def refuse_taken_market(options: UpOptions, url: str) -> None:
    """Raises ``ConfigError`` with the name of whoever writes the market of this server, ``BusLostError``."""
    async with aclosing(new_client(url)) as client:
        holder = await holder_of_market(client)
    if holder:
        file, key = (COMMAND_LINE, "--redis-url") if options.redis_url else (ENVIRONMENT, "HEATSINK_REDIS__URL")
        raise ConfigError(
            [
                Fault(
                    file,
                    key,
                    without_password(url),
                    f"another stack runs on this server: {holder} writes its market, and one does for a server",
                    f"End that stack first, or leave out {key} and have a server of your own started.",
                )
            ]
        )
