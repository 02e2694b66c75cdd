"""Positions that were opened elsewhere come into the books, at an operator's word.

``rows.py`` says what one of them comes to, and what does not fit; ``plan.py`` what all of them do to the portfolio;
``imports.py`` answers the question and carries out the command, both by the same plan. What is imported is there
already, so no limit holds it back: what exceeds one is told, and the gate approves nothing more of it
(docs/decisions/0032).
"""
