"""The strategies: one file each kind, one ``STRATEGIES`` tuple in ``registry``, and the machine that runs them.

To add one: write its class and its ``StrategyKind`` in a file of its own, name the kind in ``registry.STRATEGIES``.
Users bring theirs without that: ``from_file``.
"""
