"""Metric and label names that need no quotes in an exposition.

Source: Prometheus documentation, "Metric names and labels".
"""

import re

LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LEGACY_METRIC_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"

_LABEL_NAME = re.compile(LABEL_NAME)
_LEGACY_METRIC_NAME = re.compile(LEGACY_METRIC_NAME)


def is_legacy_label_name(name: str) -> bool:
    """Return whether a label name is valid without UTF-8 support."""
    return _LABEL_NAME.fullmatch(name) is not None


def is_legacy_metric_name(name: str) -> bool:
    """Return whether a metric name is valid without UTF-8 support."""
    return _LEGACY_METRIC_NAME.fullmatch(name) is not None
