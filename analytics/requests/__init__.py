"""Tracked API requests: ingestion, keys and reports."""
