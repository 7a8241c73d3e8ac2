"""Evaluates a syntax tree: reads samples, calls kernels, matches vectors."""
