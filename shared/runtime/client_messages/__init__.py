"""The messages of the client libraries, made from the catalogue: ``make client-messages`` writes them.

A client library depends on nothing of heatsink's code. So what it knows of the wire is written out for it: each message
as a type of its language, with the words that explain it, and the keys of all topics. A test compares what is written
with what the catalogue says.

``kinds.py`` finds the types, ``python.py`` and ``node.py`` write them.
"""
