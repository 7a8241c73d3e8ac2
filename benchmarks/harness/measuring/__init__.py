"""Measurements of scraping and of queries."""

__all__ = [
    "query_agreement",
    "query_client",
    "query_report",
    "query_timing",
    "scraping",
]
