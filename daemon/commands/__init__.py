"""The sub-commands of `redshank`, one per module."""
