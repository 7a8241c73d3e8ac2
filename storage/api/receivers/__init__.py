"""Receivers of notifications that people add in the UI."""
