"""Errors that the exporter raises on purpose."""


class ExporterError(Exception):
    """Base of every error that the exporter raises on purpose."""


class ListenError(ExporterError):
    """The address to listen on is malformed, in use, or not an address of this host."""

    def __init__(self, listen: str, reason: str) -> None:
        super().__init__(f"cannot listen on {listen!r}: {reason}")
        self.listen = listen


class PatternError(ExporterError):
    """An option that takes a regular expression has an invalid one."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"not a regular expression: {pattern!r}: {reason}")
        self.pattern = pattern


class OptionError(ExporterError):
    """An option cannot be honoured, or contradicts another one."""

    def __init__(self, flag: str, reason: str) -> None:
        super().__init__(f"{flag}: {reason}")
        self.flag = flag


class WebConfigFileError(ExporterError):
    """The web configuration file, or a file that it names, is invalid."""


class NoDataError(ExporterError):
    """A collector has nothing to report: this host lacks the device or kernel feature."""


class DeadlineError(ExporterError):
    """A call did not return before its deadline. Its thread keeps running."""

    def __init__(self, key: str, running_s: float) -> None:
        super().__init__(f"{key}: no result after {running_s:.1f} s")
        self.key, self.running_s = key, running_s


class UnknownCollectorError(ExporterError):
    """A request or an option names a collector that does not exist or is disabled."""

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(f"unknown or disabled collector: {name}" + (reason and f": {reason}"))
        self.name = name
