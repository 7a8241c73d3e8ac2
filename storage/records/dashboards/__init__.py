"""Dashboards and their earlier versions, in SQLite."""
