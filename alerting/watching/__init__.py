"""Redshank watches itself: checks of its own cadence, and the heartbeat that it sends out."""

__all__ = ["heartbeat", "self_checks", "self_evaluation"]
