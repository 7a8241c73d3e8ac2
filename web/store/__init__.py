"""The sample store as a page."""
