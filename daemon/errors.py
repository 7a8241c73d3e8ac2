"""Errors that the daemon raises on purpose; their messages say what to do."""


class DaemonError(Exception):
    """Base of every error that the daemon raises on purpose."""


class ConfigurationError(DaemonError):
    """A configuration file or variable is invalid; the message names each place, FILE:LINE."""


class DataDirectoryError(DaemonError):
    """The data directory cannot be used."""


class ServerListenError(DaemonError):
    """The server cannot listen on its address."""


class CertificateError(DaemonError):
    """A certificate cannot be issued, or the authority's files are damaged."""


class ControlError(DaemonError):
    """The server cannot be reached, or refused a request."""
