"""Targets and discovery: pages."""
