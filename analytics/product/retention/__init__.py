"""Retention: of the persons who start in a period, how many come back in which later one."""

from analytics.product.retention.answers import (
    ANY_EVENT,
    MOST_PERIODS,
    RetentionCell,
    RetentionCohort,
    RetentionPeriods,
    RetentionQuestion,
    RetentionReport,
    RetentionStarts,
)
from analytics.product.retention.reports import RetentionReports

__all__ = [
    "ANY_EVENT",
    "MOST_PERIODS",
    "RetentionCell",
    "RetentionCohort",
    "RetentionPeriods",
    "RetentionQuestion",
    "RetentionReport",
    "RetentionReports",
    "RetentionStarts",
]
