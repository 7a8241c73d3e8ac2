"""Collectors of the machine: firmware, sensors, power supplies, cooling."""
