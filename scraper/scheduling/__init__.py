"""Schedules scrapes and appends what they yield."""
