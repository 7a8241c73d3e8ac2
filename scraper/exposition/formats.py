"""The exposition formats that the parsers read."""

from enum import StrEnum


class ExpositionFormat(StrEnum):
    """A text format of expositions; the values are the media types."""

    TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"
