"""Endpoints that take pushed samples."""
