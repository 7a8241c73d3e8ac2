"""Endpoints for pushed samples."""
