"""Every error that the scraper raises on purpose."""


class ScrapeError(Exception):
    """A scrape failed; the message is the reason shown beside the target."""


class FetchError(ScrapeError):
    """The target did not answer as it should: refused, timed out, wrong status, too large."""


class ExpositionError(ScrapeError):
    """The body is no exposition; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


class NamingError(ScrapeError):
    """A series cannot be stored under the name it would get."""


class LimitError(ScrapeError):
    """The exposition is well formed and goes beyond a limit of its target."""
