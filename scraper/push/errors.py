"""Every error that pushed samples are refused with."""


class PushError(Exception):
    """Base of them all; `field` names what is at fault in what was pushed."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class BadTimeError(PushError):
    """A time that no sender with a working clock would name."""


class DisorderError(PushError):
    """More samples out of order than a sender's series can take."""


class UnknownHostError(PushError):
    """The host was removed."""

    def __init__(self) -> None:
        super().__init__("the host is not registered", "host_key")
