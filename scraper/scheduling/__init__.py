"""Scrapes each target at the times of its slot."""

__all__ = ["scraper", "slots", "statistics", "target_scraper"]
