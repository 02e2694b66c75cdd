"""Any past decision once more, by the rules as they are now, from what the journal has of it.

A verdict carries what every rule saw: its limit and how much of it was used, as the numbers that they were. Beside it
stand the order as it was proposed, what the exchange said of the pair, halts, changes of limits, earlier verdicts. By
these ``sight`` makes a state that shows the gate the same figures, and ``decide`` lets the gate itself decide. Sums and
products are turned around: of all numbers that may have made a figure, one is taken that makes it to the last bit
(``inverse``). So the hot path keeps nothing more than it always did.

What is proved by that: the verdict follows from these figures, by these rules and limits. Nobody has changed a figure,
a quantity or a reason since, and no change of the rules would decide otherwise today. What is not: that the figures
were right when they were taken. Marks and books are no streams, and stand nowhere else.
"""
