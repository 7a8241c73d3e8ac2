"""Errors in the content of an exposition."""

from dataclasses import dataclass

from scraper.errors import ScrapeError


@dataclass(frozen=True, slots=True)
class RejectedCounts:
    """Numbers of samples in a rejected exposition, up to the error.

    Attributes:
        samples: samples, the one with the error included if its line is well formed.
        kept: samples left after metric relabelling.
        added: series that no earlier exposition of the target had.
    """

    samples: int = 0
    kept: int = 0
    added: int = 0


class RejectedExpositionError(ScrapeError):
    """An exposition cannot be stored.

    Attributes:
        counts: numbers of samples up to the error, where they are known.
    """

    counts = RejectedCounts()

    @property
    def outline(self) -> str:
        """See `ScrapeError.outline`."""
        return "the answer is not a valid exposition"


class ExpositionError(RejectedExpositionError):
    """The body is not a valid exposition.

    Attributes:
        line: the number of the malformed line, counted from 1.
        reason: the problem, without the line number.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason

    @property
    def outline(self) -> str:
        """See `ScrapeError.outline`."""
        return f"line {self.line}: not a line of an exposition"


class InvalidSeriesError(ExpositionError):
    """A line is a well-formed sample, but a name in its label set is not valid."""


class SeriesNameError(RejectedExpositionError):
    """A series has no metric name after relabelling, or a name that is not allowed."""

    @property
    def outline(self) -> str:
        """See `ScrapeError.outline`."""
        return "a series has no valid metric name, or an invalid label name"


class LimitError(RejectedExpositionError):
    """The exposition is valid but exceeds a limit of its target."""

    exceeds_limit = True

    @property
    def outline(self) -> str:
        """See `ScrapeError.outline`."""
        # The metric and its label follow in parentheses.
        return str(self).partition(" (metric:")[0]
