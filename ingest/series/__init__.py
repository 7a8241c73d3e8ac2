"""Series of senders: numbers, lanes, late samples, streams, group commits."""

__all__ = [
    "commits",
    "delta_totals",
    "executor",
    "lane",
    "late_samples",
    "metric_metadata",
    "placement",
    "push_stream",
    "pushed_source",
    "rejections",
    "sample_batch",
    "sample_writer",
    "sender_source",
    "senders",
    "series_cache",
    "series_table",
    "start_times",
    "tasks",
    "time_slices",
    "write_result",
]
