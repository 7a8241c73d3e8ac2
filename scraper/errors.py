"""The base of the scraper's errors, and the errors of a fetch."""


class ScrapeError(Exception):
    """A scrape failed; the message is the reason shown beside the target."""


class FetchError(ScrapeError):
    """The target is unreachable, timed out, or sent an unusable response."""
