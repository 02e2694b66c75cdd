"""Sweeps: many backtests that differ in their settings, each a whole run, on all cores or on a cluster.

``space`` says which settings are tried, ``trials`` makes runs of them, ``work`` has them played through an executor,
``journal`` keeps what is done, ``walk`` goes forward through time, ``table`` ranks, and ``files`` and ``page`` write.
"""
