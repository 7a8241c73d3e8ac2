"""The base of the scraper's errors, and the errors of a fetch."""


class ScrapeError(Exception):
    """A scrape failed; the message is the reason shown beside the target.

    Attributes:
        exceeds_limit: whether the target's answer is larger than its limits allow.
    """

    exceeds_limit = False

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


class BodyTooLargeError(FetchError):
    """The body is larger than the target's limit; the message names the settings that lift it."""

    exceeds_limit = True

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"body size limit of {limit_bytes} bytes exceeded"
            " (setting limits.body_size or body_size_limit)"
        )
