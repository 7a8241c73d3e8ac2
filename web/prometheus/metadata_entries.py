"""The metadata of a metric in the form of Prometheus's API."""

from typing import Final

from model.metadata import MetricMetadata
from web.prometheus.document_types import MetadataEntry

_NO_TYPE: Final = "unknown"
"""Prometheus's type of a metric without a `TYPE` line."""


def metadata_entry(metadata: MetricMetadata) -> MetadataEntry:
    """Return type, help and unit."""
    return {
        "type": metadata.type or _NO_TYPE,
        "help": metadata.help,
        "unit": metadata.unit,
    }
