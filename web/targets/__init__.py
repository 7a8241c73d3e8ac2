"""Scrape targets and discovered targets as pages."""
