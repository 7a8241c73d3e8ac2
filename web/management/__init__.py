"""Protocols for what administrators manage in the UI; the daemon implements them."""
