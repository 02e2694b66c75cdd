"""What can be wrong with a recording of books, or with a file of depth."""


class BooksError(ValueError):
    """A recording or a file that cannot be used; the text names it, what is wrong, and what to do."""
