"""Service discovery: where the targets of a scrape configuration come from.

`discovery` keeps a set of jobs up to date, each way of finding targets has a module.
"""

__all__ = ["discovery", "dns_sd", "file_sd", "groups", "http_sd"]
