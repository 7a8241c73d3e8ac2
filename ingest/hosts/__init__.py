"""Reports of hosts that push."""

__all__ = [
    "cpu_counters",
    "history",
    "pushed_host",
    "pushed_hosts",
    "report",
    "report_times",
]
