"""Turns the scrapes of each target into vectors and appends them to the store."""

__all__ = ["recorder", "series_naming", "start_times"]
