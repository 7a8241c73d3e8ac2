"""What the exporter raises on purpose."""


class ExporterError(Exception):
    """Base of them all."""


class ListenError(ExporterError):
    """The address to serve on is malformed, taken or not ours."""

    def __init__(self, listen: str, reason: str) -> None:
        super().__init__(f"cannot listen on {listen!r}: {reason}")
        self.listen = listen


class PatternError(ExporterError):
    """What a collector should leave out is no regular expression."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"not a regular expression: {pattern!r}: {reason}")
        self.pattern = pattern


class NoDataError(ExporterError):
    """A collector has nothing to report on this host: no such device or kernel feature."""


class DeadlineError(ExporterError):
    """A piece of work did not end in time; its thread is left to itself."""

    def __init__(self, key: str, running_s: float) -> None:
        super().__init__(f"{key}: no result after {running_s:.1f} s")
        self.key, self.running_s = key, running_s


class UnknownCollectorError(ExporterError):
    """A collector was asked for that does not exist or is switched off."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown or disabled collector: {name}")
        self.name = name
