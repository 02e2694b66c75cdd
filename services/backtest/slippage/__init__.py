"""What the slippage model says, held against books that were recorded and fills that happened.

    model = half_spread + Y x sigma_day x sqrt(order / ADV)

``observations`` makes costs of books, ``series`` keeps those of a pair, ``stuck`` says which of them are not believed.
``groups`` says what is liquid and what is stress, ``judging`` compares, ``fitting`` finds Y. ``fills`` compares what
was really paid. ``validate`` puts it together, ``results`` is what comes out, ``notes`` says what that does not show.
"""
