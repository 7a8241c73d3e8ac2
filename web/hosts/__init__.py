"""Hosts as pages and API: the fleet table, charts, checks, keys, adding and removing."""
