"""Runs the collectors under deadlines."""
