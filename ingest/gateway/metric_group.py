"""A group of pushed metrics."""

from dataclasses import dataclass
from typing import Final

from ingest.gateway.families import Families, GroupKey, series_of
from model.labels import METRIC_NAME, Labels

PUSH_TIME: Final = "push_time_seconds"
FAILURE_TIME: Final = "push_failure_time_seconds"

STREAM: Final = "pushgateway"
"""The stream of a group's source."""


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """The metrics of one group, as last pushed.

    Attributes:
        key: the group's labels.
        families: its metric families, without the gateway's own two metrics.
        pushed_ms: when a push last succeeded, 0 for never.
        failed_ms: when a push last failed, 0 for never.
    """

    key: GroupKey
    families: Families
    pushed_ms: int = 0
    failed_ms: int = 0

    @property
    def labels(self) -> Labels:
        """The group's labels, which every series of the group has."""
        return Labels.of(self.key)

    def series(self) -> dict[Labels, float]:
        """Return the values of all series, with the times of the last pushes."""
        return {
            **series_of(self.families),
            Labels.of({METRIC_NAME: PUSH_TIME}): self.pushed_ms / 1000,
            Labels.of({METRIC_NAME: FAILURE_TIME}): self.failed_ms / 1000,
        }
