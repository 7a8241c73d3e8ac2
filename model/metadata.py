"""Metric metadata: the type, help text and unit of a metric family."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricMetadata:
    """The metadata of a metric family; "" where it is unknown."""

    type: str = ""
    help: str = ""
    unit: str = ""
