"""Reads samples: from matchers to aligned series."""
