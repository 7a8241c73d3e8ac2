"""The error of an invalid web configuration."""


class WebConfigError(Exception):
    """A web configuration, or a file that it names, is invalid; the message says where."""
