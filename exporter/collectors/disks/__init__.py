"""Collectors of block devices, file systems and RAID arrays."""
