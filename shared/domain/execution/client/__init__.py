"""Orders that clients execute by themselves: what they report is checked before it is believed.

    approved -> awaited -> placed -> filled, part by part -> closed
                        -> overdue: the gate is closed for its client

A client proposes, hears the verdict, trades at its own exchange, and reports. This machine answers every report. What
fits (``doubts.py``) it gives out as ``OrderPlaced``, ``OrderFilled``, ``OrderClosed`` and ``StopPlaced``, so that
``executed`` has one writer and the gate checks all of it a second time. What does not fit is a ``ReportRefused``; where
money could be wrong the report is set aside on ``hs:dead``, and the gate halts its pair by name. Nothing here sends an
order anywhere, and no report ends the service.

Reports may come late, twice, and in another order than things happened. A trade counts once, by the exchange's id of
it. An end that tells of more than its trades make waits for them (``orders.py``). Who says nothing in time is told, and
reservations stay until somebody has said what became of the order: the client, or an operator.

A stop is the client's to place. What it bought counts as protected for as long as it may take to place one; after that
the pair is halted, and all that is held of it is at risk until a stop is reported (``stops.py``).
"""
