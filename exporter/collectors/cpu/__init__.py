"""Collectors of the CPUs: time by mode, frequencies, scheduler statistics."""
