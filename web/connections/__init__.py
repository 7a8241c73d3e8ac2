"""Connections of clients: how many are accepted, and how long they may do nothing."""

__all__ = ["accepting", "places", "protocol", "redirect", "runner"]
