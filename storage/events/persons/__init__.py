"""Merged ids of persons, and the properties that persons have been given."""
