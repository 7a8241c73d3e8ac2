"""Every error that the daemon raises on purpose; their messages say what to do."""


class DaemonError(Exception):
    """Base of them all."""


class ConfigurationError(DaemonError):
    """A file or variable is wrong; the message names each place, FILE:LINE."""


class DataDirectoryError(DaemonError):
    """The data directory cannot be used."""


class ListenError(DaemonError):
    """An address cannot be listened on."""


class ControlError(DaemonError):
    """The server cannot be reached, or refused."""
