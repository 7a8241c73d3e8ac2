"""The report over visits."""
