"""Execution: approved orders become orders at a venue, and what happens there becomes fills and ends.

``orders`` is the life of an order and the one protective stop of each position; it knows no venue in particular.
``paper`` is the venue that only exists here: it matches orders against live prices and closed bars.
"""
