"""Order management: the life of an order, one protective stop for each position, and what is known to be done.

    approved -> placed -> filled
                       -> cancelled, expired
             -> rejected, expired

``OrderManager`` takes what is wanted (a decision, a cancel, a raised stop) and what has happened at the venue (a trade,
a stop that sold), and gives out the messages that follow. ``OrderStore`` keeps positions, working orders and the ids
that were taken in, as records. ``Venue`` is all that the manager asks of the place where orders go.

The paper venue answers at once: ``Venue.place`` returns the trade. Another venue would be used in the same way by a
machine of its own. Its ``place`` puts a command for the exchange among the machine's outputs and answers that there
is no trade yet. The order works until the machine hears of trades and hands them to ``OrderManager.take_trade``. What
such a venue needs beyond this, and the paper venue does not: several trades for one order (then an order closes when
their sum says so, and fills are named after trades), and a state for orders of which nobody knows whether they were
placed.
"""
