"""Load: targets to scrape, pushes, rules."""

__all__ = [
    "alerting_rules",
    "device_load",
    "fleet",
    "remote_write_format",
    "remote_write_load",
    "repetition",
    "replay",
    "target_process",
]
