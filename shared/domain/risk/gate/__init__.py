"""The gate: every order of the portfolio is decided here before it may be placed.

How it works
------------

Every rule is a ceiling. A rule (``rules.py``) is a pure function of the order and a ``View`` of the portfolio. It
answers with the largest quantity that it would allow, and with the figures behind it: limit, used, headroom. A rule
that only says yes or no answers with no ceiling, or with 0. So all rules speak one language, and the answer to "how
much could I buy?" is the same call with an endless order (``what_if.py``).

The verdict (``verdict.py``) is the least ceiling. It is cut down to the exchange's lot step and its largest order:

    all of the order is left        approve
    something tradable is left      trim
    less than the exchange's least  reject

Of equal ceilings the first in ``RULES`` is named, so that tuple stands in the order in which people should hear of a
closed gate: first what makes the order no order, then halts, then what is unknown or stale, then the limits.

Trimming is monotone. A smaller order never gets a worse verdict, because no ceiling depends on the quantity that is
asked for.

Whatever is missing, stale, NaN or unknown makes a ceiling of 0 with its name as the reason. Missing figures are NaN in
the view, and every comparison is written so that NaN closes the gate.

What reduces risk always passes: a sell up to what is held and not being sold yet, a cancel, a higher stop. No rule,
halt or stale price holds them back (``decide_reducing``, ``raise_stop``, ``cancel``). Only what the exchange itself
would refuse does not pass, by the name of the filter (docs/decisions/0016). A lower stop is refused: stops only rise.

An approved order reserves what it may come to risk and to cost (``state/reservations.py``) from its verdict until it is
filled, cancelled or known dead. A reservation never ends by time: an order of which there is no news may still fill.
Each step of a reservation also goes to the store, which keeps a sum of its own and refuses a commit that takes it over
the limit (docs/decisions/0007).

A decision costs the same with 1,000 positions as with 10: ``Heat`` keeps totals of holdings, risk, sectors and
reservations, and changes them by the difference whenever a mark, a fill or a verdict changes one pair. The oldest mark
of what is held is remembered rather than searched. No rule loops over positions. The texts of reasons are made only
when a gate closes (docs/decisions/0009).

An order is decided once. The latest orders are kept in memory, older decisions in the store: a proposal that comes
again gets the stored decision again, never a second one. Another order under the same id is refused (``repeats.py``).

What leads to no verdict is answered too: by a ``ProposalRefused`` on the stream of verdicts (``refusals.py``).

Where to read on: ``gate.py`` (a proposal in, its verdict out), ``view.py`` (all that a rule may look at),
``ceilings.py`` (how rules make their answers), ``validity.py`` (what makes an order no order), ``shadow.py`` (a second
set of limits that is counted and never acts). Order books: docs/decisions/0006. What a restart forgets:
docs/decisions/0008.
"""
