"""Collectors of the host's containers."""
