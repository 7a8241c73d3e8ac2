"""Parses and writes expositions: text to vectors, no I/O."""
