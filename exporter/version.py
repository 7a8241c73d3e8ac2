"""Which Redshank this is."""

from importlib import metadata


def version() -> str:
    """Return the installed distribution's version, "unknown" where it is not installed."""
    try:
        return metadata.version("redshank")
    except metadata.PackageNotFoundError:
        return "unknown"
