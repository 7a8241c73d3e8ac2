"""Visits of web pages: sessions, and the counts of visits that are excluded."""
