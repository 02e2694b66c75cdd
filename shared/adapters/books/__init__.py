"""Recorded order books: parquet files by pair and day, with a manifest that has the hash of each.

``journal`` keeps what was heard and is in no file yet, ``files`` writes and reads one file, ``manifest`` says which
files belong to the recording. ``recorder`` is who writes all three, ``recorded`` who reads. ``bookdepth`` reads another
kind: the cumulative depth that Binance publishes.
"""
