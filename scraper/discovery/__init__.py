"""Service discovery: finds the targets of scrape jobs.

`manager` keeps the targets of a set of jobs up to date; each kind of discovery has a
module.
"""

__all__ = ["dns_sd", "file_sd", "groups", "http_sd", "job_targets", "jobs", "manager"]
