"""The version of Redshank that runs."""

from importlib import metadata


def version() -> str:
    """Return the version of the installed distribution, or "unknown" if none is installed."""
    try:
        return metadata.version("redshank")
    except metadata.PackageNotFoundError:
        return "unknown"
