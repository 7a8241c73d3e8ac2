"""The charts of a host: their definitions, times, lines and API."""
