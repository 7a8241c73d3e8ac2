"""Collectors for systems without procfs, such as macOS and Windows, by psutil.

Their metrics have the names, types and help texts of those of Linux.
"""
