"""Addresses for others to sign in with."""

from shared.application.stack import StackLocator


async def working_address(stack: StackLocator, role: str) -> str:
    """An address of the stack's server by which somebody can join now. It has a password in it, where there is one.

    role: ``client``, ``client.ana`` or ``operator``; where the server knows no users, all have the same address.
    Raises ``BusLostError``, ``ConfigError``.
    """
    async with stack.bus(role):
        return stack.address(role)
