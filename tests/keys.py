"""Where the messages of the portfolio stand that most tests are about."""

from shared.messages.keys import Keys

MAIN = Keys("main")
