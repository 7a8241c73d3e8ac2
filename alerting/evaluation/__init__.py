"""Evaluation, shared by rules and host checks: schedule, queries, health, series."""

__all__ = ["health", "queries", "runner", "series"]
