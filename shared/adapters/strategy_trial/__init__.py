"""Strategy files are tried in a process of their own before anything runs on them.

There they can hang, raise, print or end their process, and all that comes of it is a fault that names file, class,
value and remedy. ``run`` starts that process, ``trial`` is what it does, and ``market`` are the bars that it shows to
the strategy.
"""
