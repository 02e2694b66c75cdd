"""Errors that people can do something about."""


class UserError(RuntimeError):
    """An error whose text says all that people need: what happened, and what to do about it."""
