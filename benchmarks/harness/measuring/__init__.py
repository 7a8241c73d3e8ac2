"""Measurements of scraping and of queries."""
