"""Orders that come over HTTP, from TradingView and whatever else knows nothing but that: docs/http.md.

| file | what it does |
|---|---|
| ``api.py`` | the routes: who asks, how often, and what is answered |
| ``body.py`` | from bytes to what the sender wrote, strictly |
| ``order.py`` | from there to the order that is proposed |
| ``market.py`` | what an order may leave to the moment: price, size, what is held |
| ``answers.py`` | verdicts and refusals as JSON |
| ``throttle.py`` | how many requests of a client are taken |

Nothing is kept here. The id of an order follows from the client and the key that it chose, and the trace says what it
wrote: so the decision that is stored tells whether a request that comes again is the same, after any restart.
"""
