"""Explains in words why an alert is in its state, and why it is or is not notified."""

__all__ = ["deliveries", "holds", "routes", "sentences", "states"]
