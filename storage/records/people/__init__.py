"""Preferences of users, and their identities at other servers."""
