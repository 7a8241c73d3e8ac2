"""This process: what the system lets it have."""

__all__ = ["descriptors"]
