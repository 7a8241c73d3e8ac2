"""The base of the scraper's errors, and the errors of a fetch."""


class ScrapeError(Exception):
    """A scrape failed; the message is the reason shown beside the target."""

    @property
    def outline(self) -> str:
        """The reason without any text of the target's answer.

        Users who may add a host must not read the answers of other services with it.
        """
        return str(self)


class OwnExhaustionError(ScrapeError):
    """This server has no descriptor, port or memory for a scrape; the target is not at fault."""


class FetchError(ScrapeError):
    """The target is unreachable, timed out, or sent an unusable response.

    Args:
        message: the reason.
        outline: see `ScrapeError.outline`; "" if the message quotes nothing of an answer.
    """

    def __init__(self, message: str, outline: str = "") -> None:
        super().__init__(message)
        self._outline = outline

    @property
    def outline(self) -> str:
        """See `ScrapeError.outline`."""
        return self._outline or str(self)
