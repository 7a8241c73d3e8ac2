"""Runs the collectors for a scrape and reports how each one did."""
