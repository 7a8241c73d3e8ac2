"""Fetches expositions over HTTP."""
