"""Collectors of the memory: usage, paging, errors that the hardware reports."""
