"""The push gateway: metrics of batch jobs."""

__all__ = [
    "families",
    "gateway",
    "group_budget",
    "metric_group",
]
