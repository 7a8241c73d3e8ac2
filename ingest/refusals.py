"""What pushed samples are refused with."""


class RefusedPushError(Exception):
    """Base of them all; `field` names what is at fault in what was pushed."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class BadTimeError(RefusedPushError):
    """A time that no sender with a working clock would name."""


class DisorderError(RefusedPushError):
    """More samples out of order than a sender's series can take."""


class UnknownHostError(RefusedPushError):
    """The host was removed."""

    def __init__(self) -> None:
        super().__init__("the host is not registered", "host_key")
