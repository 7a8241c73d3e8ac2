"""Collectors of the operating system: its name and release, and its clock."""
