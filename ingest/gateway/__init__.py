"""The push gateway: metrics of batch jobs."""

__all__ = [
    "families",
    "gateway",
    "metric_group",
]
