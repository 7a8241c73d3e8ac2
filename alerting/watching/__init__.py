"""Redshank watches itself: checks of its own cadence."""

__all__ = ["self_checks", "self_evaluation"]
