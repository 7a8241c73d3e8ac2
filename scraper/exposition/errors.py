"""Errors in the content of an exposition."""

from scraper.errors import ScrapeError


class ExpositionError(ScrapeError):
    """The body is not a valid exposition.

    Attributes:
        line: the number of the malformed line, counted from 1.
        reason: the problem, without the line number.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


class SeriesNameError(ScrapeError):
    """A series has no metric name after relabelling, or a name that is not allowed."""


class LimitError(ScrapeError):
    """The exposition is valid but exceeds a limit of its target."""
