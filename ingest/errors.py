"""Every error that pushes raise on purpose."""


class PushError(Exception):
    """Base of them all: what was pushed is not taken."""


class MalformedMessageError(PushError):
    """The bytes are not the message they should be."""


class TooMuchError(PushError):
    """The message is well formed and holds more than allowed."""


class BadLabelsError(PushError):
    """A series cannot be stored under these labels; others of the message can."""
