"""Receivers: one kind of destination per module."""
