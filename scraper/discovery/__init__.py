"""Service discovery: finds the targets of scrape jobs.

`manager` keeps the targets of a set of jobs up to date. Each kind of discovery has a
module or a room; `engine` is what they share.
"""

__all__ = ["dns_sd", "engine", "file_sd", "groups", "http_sd", "job_targets", "jobs", "manager"]
