"""Every error that pushes raise on purpose."""

from model.limits import LimitName


class PushError(Exception):
    """Base of them all: pushed data cannot be stored."""


class MalformedMessageError(PushError):
    """The bytes are not a message of the expected format."""


class TooMuchError(PushError):
    """The message is well formed and exceeds a limit."""


class PushLimitError(PushError):
    """The sender is at a limit.

    Attributes:
        limit: the name of the limit.
        retry_after_s: when the same push may succeed; 0 for a limit that time does not lift.
    """

    def __init__(self, message: str, limit: LimitName, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.limit, self.retry_after_s = limit, retry_after_s


class BadLabelsError(PushError):
    """The labels of one series are invalid; other series of the message can be stored.

    Attributes:
        limit: the limit that they exceed, None if they are invalid otherwise.
    """

    def __init__(self, message: str, limit: LimitName | None = None) -> None:
        super().__init__(message)
        self.limit = limit


class RejectedFieldError(PushError):
    """A field of the message is rejected.

    Attributes:
        field: its name.
    """

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class BadTimeError(RejectedFieldError):
    """The timestamp is before 2001 or too far in the future."""


class DisorderError(RejectedFieldError):
    """The sender's series have too many samples out of order."""


class UnknownHostError(RejectedFieldError):
    """The host was removed."""

    def __init__(self) -> None:
        super().__init__("the host is not registered", "host_key")
