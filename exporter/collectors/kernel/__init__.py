"""Collectors of the kernel: load, pressure, processes, interrupts, descriptors."""
