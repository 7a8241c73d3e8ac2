"""Every error that the daemon raises on purpose; their messages say what to do."""


class DaemonError(Exception):
    """Base of them all."""


class DataDirectoryError(DaemonError):
    """The data directory cannot be used."""


class ListenError(DaemonError):
    """An address cannot be listened on."""


class ControlError(DaemonError):
    """The server cannot be reached, or refused."""
