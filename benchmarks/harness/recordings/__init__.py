"""Recorded and generated samples."""
